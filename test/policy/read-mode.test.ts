import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { ReadMode } from '../../src/domain/mask.ts';
import { testPolicy } from '../../src/policy/cases.ts';
import { checkPolicy, loadPolicy, policyWarnings } from '../../src/policy/load.ts';
import { principal, pushFacts, refFacts } from './support.ts';

const strictestFirst: readonly ReadMode[] = ['deny-secrets', 'cut', 'masked', 'clear'];

const line = (read?: ReadMode, who = 'user: "**"', repo = '"acme/*"', may = 'read') =>
  `  - { who: { ${who} }, repo: ${repo}, may: ${may}${read === undefined ? '' : `, read: ${read}`} }\n`;

const ada = principal('ada');
const bot = principal('bot', { kind: 'service' });

function modeOf(lines: string, who = ada): ReadMode {
  return loadPolicy(`access:\n${lines}`, 'p').readMode(who, 'acme/web');
}

function problems(text: string): string[] {
  return checkPolicy(text).map(({ line: at, column, text: told }) => `${at}:${column}: ${told}`);
}

test('where no line says how, a service reads masked and a person in clear', () => {
  assert.equal(modeOf(line()), 'clear');
  assert.equal(modeOf(line(), bot), 'masked');
  assert.equal(modeOf(line('clear', 'user: other'), bot), 'masked');
  assert.equal(modeOf(line('clear', 'user: "**"', '"other/*"'), bot), 'masked');
});

test('of all lines that match, the strictest that says anything counts, in whatever order they are', () => {
  const modes = fc.array(fc.option(fc.constantFrom(...strictestFirst), { nil: undefined }), { minLength: 1 });
  fc.assert(
    fc.property(modes, fc.boolean(), (said, isService) => {
      const wanted = strictestFirst.find((mode) => said.includes(mode)) ?? (isService ? 'masked' : 'clear');
      const got = modeOf(said.map((mode) => line(mode)).join(''), isService ? bot : ada);
      assert.equal(got, wanted);
    }),
    { numRuns: 100 },
  );
});

test('what narrows reading also holds for other letters of the name, and what widens it does not', () => {
  const narrow = line('clear', 'user: "**"', '"**"') + line('deny-secrets', 'user: "**"', '"Acme/Web"');
  const wide = line() + line('clear', 'user: "**"', '"Acme/Web"');
  for (const who of [ada, bot]) assert.equal(modeOf(narrow, who), 'deny-secrets');
  assert.equal(modeOf(wide, bot), 'masked');
});

test('a line may say it for one service, and its name does not lend it to another', () => {
  const lines = line(undefined) + line('clear', 'user: ci');
  assert.equal(modeOf(lines, principal('ci', { kind: 'service' })), 'clear');
  assert.equal(modeOf(lines, principal('CI', { kind: 'service' })), 'masked');
  assert.equal(modeOf(lines, principal('ci2', { kind: 'service' })), 'masked');
});

test('a line that grants only writing cannot loosen how is read', () => {
  assert.deepEqual(problems(`access:\n${line('clear', 'user: a', '"acme/*"', 'write')}`), [
    '2:59: "read" has no effect without may: read; remove it, or write it on the line that grants reading',
  ]);
});

test('a misspelt way to read is told with the nearest word that there is', () => {
  const told = (word: string) => problems(`access:\n${line(word as ReadMode)}`).join();
  assert.match(told('maskd'), /"maskd" is unknown; did you mean "masked"\? expected one of clear, masked,/);
  assert.match(told('redacted'), /did you mean "masked"\?/);
  assert.match(told('deny-secret'), /did you mean "deny-secrets"\?/);
});

test('a `read` that never counts is told, and one that may count is not', () => {
  const warned = (text: string) =>
    policyWarnings(`access:\n${text}`, '2026-01-01T00:00:00Z').map(
      ({ line: at, text: told }) => `${at}: ${told}`,
    );
  assert.deepEqual(warned(line('masked') + line('clear', 'user: ci, kind: service')), [
    '3: "read: clear" never counts: access line 1 matches all that this one does, and the strictest counts; remove it, or narrow that line',
  ]);
  assert.deepEqual(warned(line('masked', 'kind: service') + line('clear', 'user: ci')), []);
  assert.deepEqual(warned(line('masked', 'group: a') + line('clear', 'group: [a, b]')), []);
  assert.deepEqual(warned(line('masked', 'user: "**"', '"acme/a"') + line('clear')), []);
  assert.deepEqual(warned(line('clear') + line('masked', 'user: ci')), []);
});

test('what explains a push says how the repository is read, and which line says so', () => {
  const policy = loadPolicy(`access:\n${line()}${line('cut', 'kind: service')}`, 'p');
  const explained = policy.explain(bot, 'acme/web', pushFacts([refFacts('refs/heads/x', 'create')]));
  assert.equal(explained.read, 'cut');
  assert.deepEqual(
    explained.refs[0]?.access.map(({ read }) => read),
    [undefined, 'cut'],
  );
});

test('a case that is read in another way than it says fails, and shows both', () => {
  const text = (read: string) => `access:\n${line()}tests:
  - { name: a, user: ada, repo: acme/web, may: read, read: ${read}, expect: allow }\n`;
  assert.deepEqual(
    testPolicy(text('clear'), 'p').map(({ passed }) => passed),
    [true],
  );
  assert.deepEqual(testPolicy(text('masked'), 'p')[0]?.diff, ['- read: masked', '+ read: clear']);
});

test('a case compares `read` only where something is read', () => {
  const text = `access:\n${line()}tests:
  - { name: a, user: ada, repo: acme/web, updates: [{ ref: refs/heads/x, change: create }], read: clear, expect: allow }
  - { name: b, user: ada, repo: acme/web, may: read, read: clear, expect: deny }\n`;
  assert.deepEqual(
    problems(text).map((told) => told.replace(/^(\d+):\d+: /, '$1: ')),
    [4, 5].map(
      (at) => `${at}: "read" is compared where something is read; write may: read and expect: allow`,
    ),
  );
});
