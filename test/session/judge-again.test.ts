import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RefgateError } from '../../src/domain/error.ts';
import type { PushFacts } from '../../src/domain/session.ts';
import { loadPolicy } from '../../src/policy/load.ts';
import { judgeAgain, type WaitedPush } from '../../src/session/judge-again.ts';

const [old, made] = ['1', '2'].map((digit) => digit.repeat(40)) as [string, string];
const update = { ref: 'refs/heads/main', oldOid: old, newOid: made };
const facts: PushFacts = {
  refs: [{ ...update, kind: 'update', namespace: 'branch', fastForward: true }],
  pushOptions: [],
  objects: 1,
  bytes: 1,
  // Judged first on a Wednesday at noon.
  at: '2026-01-07T12:00:00Z',
  address: '10.0.0.1',
};
const push: WaitedPush = {
  session: 's-1',
  principal: { user: 'ann', kind: 'person', groups: ['dev'], credential: { type: 'token', id: 't' } },
  repo: 'acme/web',
  relay: [update],
  answered: new Set(['reviewed']),
};
const days = 'days: [mon, tue, wed, thu, fri, sat, sun]';

function policyOf(...rules: readonly string[]) {
  const text = `access: [{ who: { group: dev }, repo: "acme/*", may: [read, write] }]
rules:
  - { name: reviewed, when: { ref: refs/heads/main }, then: { ask: { group: reviewers } } }
${rules.map((rule) => `  - ${rule}\n`).join('')}`;
  const policy = loadPolicy(text, 'policy.yaml');
  return { policy: () => policy, facts: async () => facts };
}

const code = (wanted: string) => (error: unknown) => error instanceof RefgateError && error.code === wanted;

test('what people were asked for, and nothing else asks or denies, goes', async () => {
  await judgeAgain(policyOf(), push);
});

test('a freeze that has begun while the push waited keeps it back', async () => {
  const frozen = policyOf(`{ name: freeze, when: { ref: refs/heads/main, time: { ${days} } }, then: deny }`);
  await assert.rejects(judgeAgain(frozen, push), code('POLICY_DENIED'));
});

test('a rule that asks by now, and was not answered, keeps it back', async () => {
  const night = `{ name: night, when: { ref: refs/heads/main, time: { ${days} } }, then: { ask: { group: on-call } } }`;
  await assert.rejects(judgeAgain(policyOf(night), push), code('CONFLICT'));
});

test('only what goes is judged, and nothing is looked at when nothing goes', async () => {
  const frozen = policyOf(`{ name: freeze, when: { time: { ${days} } }, then: deny }`);
  await judgeAgain(frozen, { ...push, relay: [] });
});

test('without its facts nothing goes', async () => {
  await assert.rejects(judgeAgain({ ...policyOf(), facts: async () => undefined }, push), code('CONFLICT'));
});

test('moved placeholders that people agreed to go, and where the policy refuses them by now they do not', async () => {
  const placeholders = [{ how: 'new-line', rule: 'some-token', path: 'a.ts', commit: made }] as const;
  const judged = (check: string) => {
    const text = `access: [{ who: { group: dev }, repo: "acme/*", may: [read, write] }]
checks: { placeholders: ${check} }\n`;
    const policy = loadPolicy(text, 'policy.yaml');
    return { policy: () => policy, facts: async () => ({ ...facts, placeholders }) };
  };
  const answered = { ...push, answered: new Set(['PLACEHOLDER_MOVED']) };
  await judgeAgain(judged('{ ask: { group: reviewers } }'), answered);
  await assert.rejects(judgeAgain(judged('{ ask: { group: reviewers } }'), push), code('CONFLICT'));
  await assert.rejects(judgeAgain(judged('deny'), answered), code('POLICY_DENIED'));
});
