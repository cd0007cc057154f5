import assert from 'node:assert/strict';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { Scanner } from '../../../src/inspect/secrets/scanner.ts';
import { defaultLimits } from '../../../src/inspect/secrets/work.ts';
import { assignmentRule, madeRules, madeToken, prefixRule } from './made-rules.ts';
import { zipOf } from './made-zip.ts';

const mebibyte = 1024 * 1024;
const fill = (text: string | Buffer): Buffer => Buffer.alloc(mebibyte, text);
const wide = { ...assignmentRule, id: 'wide', matcher: { before: 4096, after: 4096, find: () => undefined } };
const scanner = new Scanner([...madeRules, wide]);

const crafted: Readonly<Record<string, Buffer>> = {
  'a keyword over and over': fill('password'),
  'what almost is a token': fill(madeToken().slice(0, -1)),
  'a token over and over': fill(`${madeToken()} `),
  'base64 of keywords': fill(Buffer.from('password'.repeat(3)).toString('base64')),
  'hex of keywords': fill(Buffer.from('password').toString('hex')),
  escapes: fill('\\u0041'),
  percent: fill('%41%42'),
  'gzip members': fill(gzipSync('password')),
  'zip entries': fill(zipOf([{ name: 'a', content: Buffer.from('password') }])),
  'a bomb of keywords': gzipSync(Buffer.alloc(16 * mebibyte, 'password')),
};

// The last piece of work is counted before it is known that it is one too many.
const slack = 64 * mebibyte;

for (const [what, data] of Object.entries(crafted)) {
  test(`the work of ${what} is bounded, and where it runs out that is said`, () => {
    const most = defaultLimits.workBase + defaultLimits.workPerByte * data.length;
    const used = scanner.workOf(data);
    assert.ok(used <= most + slack, `${used} units of ${most}`);
    if (used > most) assert.notDeepEqual(scanner.scan(data).unscanned, []);
    assert.equal(scanner.workOf(data), used);
  });
}

test('ordinary text takes few units for each byte', () => {
  const data = fill('const value = readSetting("name"); // what it is called\n');
  assert.ok(new Scanner([prefixRule, assignmentRule]).workOf(data) <= 4 * data.length);
});
