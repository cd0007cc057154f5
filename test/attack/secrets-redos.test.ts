/**
 * Attack: a blob that makes a user's pattern run for ever.
 *
 * 1. An operator loads a .gitleaks.toml with a pattern such as (a+)+$, or many
 *    others that a backtracking engine tries in exponentially many ways.
 * 2. Somebody who pushes puts a blob into a commit that is made for it: long
 *    runs that almost match, or one keyword after the other.
 * 3. With a backtracking engine the scan of one blob takes hours, and with it
 *    every push of everybody waits, or the blob passes unscanned.
 *
 * Patterns run on V8 only where few steps are proven for every input, and else
 * on an engine that is linear; the work of a scan is counted and bounded.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { loadGitleaks } from '../../src/inspect/secrets/gitleaks/load-gitleaks.ts';
import { UserPattern } from '../../src/inspect/secrets/gitleaks/pattern.ts';
import { Scanner } from '../../src/inspect/secrets/scanner.ts';

const attacks: readonly (readonly [string, string])[] = [
  ['(a+)+$', `${'a'.repeat(200_000)}!`],
  ['(a|aa)+$', `${'a'.repeat(200_000)}!`],
  ['(?:a*)*b', 'a'.repeat(200_000)],
  ['^(([a-z])+.)+[A-Z]([a-z])+$', 'a'.repeat(200_000)],
  ['(.*)(.*)(.*)(.*)x', 'y'.repeat(20_000)],
  ['key[a-z]{0,100}[a-z]{0,100}[a-z]{0,100}=[0-9]{8}', 'keykeykeykey'.repeat(5_000)],
  ['(?:x{0,30}){0,30}y', 'x'.repeat(50_000)],
];

for (const [source, text] of attacks)
  test(`the pattern ${source} is not for V8, and its crafted blob ends`, () => {
    const pattern = new UserPattern(source);
    assert.equal(pattern.onV8, false);
    assert.ok([...pattern.all(text)].length >= 0);
  });

test('a rule with such a pattern finds what is there, and says so when a crafted blob takes too much', () => {
  const { rules } = loadGitleaks('[[rules]]\nid = "evil"\nregex = "(a+)+\\\\z"\n', 'evil.toml');
  const scanner = new Scanner(rules);
  assert.equal(scanner.scan(Buffer.from('b aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa')).matches.length, 1);
  const { matches, unscanned } = scanner.scan(Buffer.from(`${'a'.repeat(300_000)}!`));
  assert.equal(matches.length, 0);
  assert.deepEqual(unscanned, []);
});

test('one keyword after the other costs work that is counted, and running out of it is said', () => {
  const toml = Array.from(
    { length: 20 },
    (_, at) =>
      `[[rules]]\nid = "r${at}"\nregex = "key[a-z]{0,200}[a-z]{0,200}=[0-9]{${at + 1}}x"\nkeywords = ["key"]\n`,
  ).join('');
  const { rules } = loadGitleaks(toml, 'many.toml');
  const { matches, unscanned } = new Scanner(rules, { deadlineMs: 2_000 }).scan(
    Buffer.from('key'.repeat(100_000)),
  );
  assert.equal(matches.length, 0);
  assert.ok(unscanned.length > 0);
});
