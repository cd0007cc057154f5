import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RefgateError } from '../../src/domain/error.ts';
import { loadPolicy } from '../../src/policy/load.ts';
import { PolicyCheck } from '../../src/session/check-policy.ts';

const check = new PolicyCheck();

function refusal(of: PolicyCheck, text: string): Promise<RefgateError> {
  return of.check({ text, file: 'draft' }).then(
    () => assert.fail('was taken'),
    (error: unknown) => (error instanceof RefgateError ? error : assert.fail(String(error))),
  );
}

test('a draft has the version that it would have when it is applied', async () => {
  const text = 'access: []\n';
  assert.deepEqual(await check.check({ text, file: 'draft' }), { version: loadPolicy(text, 'f').version });
});

test('the problems of a draft are those of the file, each at its place', async () => {
  const text = 'access:\n  - who: nobody\n    repo: 5\nrulez: []\n';
  const { code, blame, detail } = await refusal(check, text);
  assert.deepEqual([code, blame], ['POLICY_INVALID', 'operator']);
  assert.throws(() => loadPolicy(text, 'draft'), { detail });
});

test('of very many problems the first ones are told, and how many more there are', async () => {
  const { detail = '' } = await refusal(check, `access: []\nrules:\n${'  - x: 1\n'.repeat(500)}`);
  const lines = detail.split('\n');
  assert.equal(lines.length, 201);
  assert.match(lines.at(-1) ?? '', /^draft:1:1: there are \d+ more problems; mend these first$/);
});

test('a draft that takes longer than its budget, or more memory than there is, is not valid', async () => {
  const slow = `a: "${'\\x'.repeat(400_000)}`;
  const late = await refusal(new PolicyCheck({ budget: 50 }), slow);
  assert.match(
    late.detail ?? '',
    /^draft:1:1: this takes too long or too much memory to read; make it smaller$/,
  );
  const large = await refusal(new PolicyCheck({ heapMiB: 16, budget: 60_000 }), slow);
  assert.match(large.detail ?? '', /takes too long or too much memory/);
});

test('a draft that exhausts the stack is not valid', async () => {
  const globs = '"*a",'.repeat(170_000);
  const text = `access: []\nrules:\n  - name: r\n    when: {ref: [${globs}]}\n    then: deny\n`;
  assert.equal(
    (await refusal(new PolicyCheck({ budget: 60_000, heapMiB: 1_024 }), text)).code,
    'POLICY_INVALID',
  );
});

test('few drafts wait for the thread, and the others hear at once that they must', async () => {
  const many = await Promise.allSettled(
    Array.from({ length: 20 }, () => check.check({ text: 'access: []\n', file: 'draft' })),
  );
  const refused = many.filter(({ status }) => status === 'rejected');
  assert.equal(refused.length, 11);
  for (const one of refused) if (one.status === 'rejected') assert.equal(one.reason.code, 'LIMIT_EXCEEDED');
  assert.ok(await check.check({ text: 'access: []\n', file: 'draft' }));
});
