import assert from 'node:assert/strict';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { loadRuleSet } from '../../../src/inspect/secrets/load-rule-set.ts';
import { Scanner } from '../../../src/inspect/secrets/scanner.ts';

const scanner = new Scanner(loadRuleSet({ files: [], defaults: true }).rules);

const letters = 'ABCDEFGHJKLMNPQRSTUVWXYZabcdefghjkmnpqrstuvwxyz23456789';
const word = (seed: number, length: number): string =>
  Array.from({ length }, (_, i) => letters[(seed * 31 + i * i * 7 + i * (seed % 13)) % letters.length]).join(
    '',
  );
const base64url = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');

const slack = (seed: number): string => ['xoxb', 123456789012 + seed, 210987654321, word(seed, 24)].join('-');
const wrapped = (text: string): string => text.replace(/.{64}/g, '$&\n');

/** Texts that hold a secret, and of which every character may matter. */
const holders: readonly ((seed: number) => string)[] = [
  (seed) => `token = "${slack(seed)}"`,
  (seed) => `db_password = "${word(seed, 22)}"`,
  (seed) => `dsn: postgres://app:${word(seed, 20)}@db.internal.net:5432/app`,
  (seed) => Buffer.from(`the key of the deployment is ${slack(seed)} and no other`).toString('base64'),
  (seed) => Buffer.from(`the key of the deployment is ${slack(seed)} and no other`).toString('hex'),
  (seed) => wrapped(Buffer.from(`${'some words before '.repeat(30)} ${slack(seed)}`).toString('base64')),
  (seed) => gzipSync(`SLACK=${slack(seed)}`).toString('base64'),
  (seed) => JSON.stringify(JSON.stringify({ auth_token: slack(seed) })),
  (seed) => `q=${encodeURIComponent(`"token":"${slack(seed)}"`)}`,
  (seed) => [...`password="${word(seed, 18)}"`].map((c) => `\\u00${c.charCodeAt(0).toString(16)}`).join(''),
  (seed) =>
    [...Buffer.from(slack(seed))]
      .map((byte, i) => `0x${byte.toString(16)},${i % 8 < 7 ? ' ' : '\n    '}`)
      .join(''),
  (seed) =>
    `${'metadata:\n  name: thing\n'.repeat(2)}data:\n  password: ${Buffer.from(word(seed, 24)).toString('base64')}\n${'  # a comment\n'.repeat(28)}kind: Secret\n`,
  (seed) =>
    `apiVersion: v1\nkind: Secret\nmetadata:\n${'  name: thing\n'.repeat(40)}data:\n  password: ${Buffer.from(word(seed, 24)).toString('base64')}\n`,
  (seed) =>
    `${base64url({ alg: 'HS256', typ: 'JWT' })}.${base64url({ sub: 'x'.repeat(3000), n: seed })}.${word(seed, 43)}`,
];

const quiet = (lines: number): string =>
  Array.from({ length: lines }, (_, n) => `line ${n} says nothing of interest`).join('\n');

test('with the reach of the data before, a search around a change misses nothing that the change completes', () => {
  fc.assert(
    fc.property(
      fc.nat(holders.length - 1),
      fc.nat(10_000),
      fc.nat({ max: 1_000_000 }),
      fc.nat(120),
      fc.constantFrom('', '!', '\n', ' {'),
      (kind, seed, at, before, breaking) => {
        const secret = (holders[kind] as (seed: number) => string)(seed);
        const head = `${quiet(before)}\n`;
        const after = Buffer.from(`${head}${secret}\n${quiet(60)}\n`);
        const place = head.length + (at % secret.length);
        const old = Buffer.concat([
          after.subarray(0, place),
          Buffer.from(breaking),
          after.subarray(place + 1),
        ]);
        const known = scanner.scan(old);
        const had = new Set(known.matches.map(({ rule, value }) => `${rule.id} ${value}`));
        const changed = [{ start: place, end: place + 1 }];
        const found = scanner.scan(after, changed, known.reach);
        const seen = found.matches.map(({ rule, start, end }) => `${rule.id} ${start} ${end}`);
        for (const { rule, value, start, end } of scanner.scan(after).matches)
          if (!had.has(`${rule.id} ${value}`))
            assert.ok(seen.includes(`${rule.id} ${start} ${end}`), rule.id);
      },
    ),
    { numRuns: 1500 },
  );
});

test('what is far away is searched only where a rule looks so far', () => {
  const text = Buffer.from(`${quiet(2000)}\n`);
  assert.ok((scanner.scan(text).reach ?? 0) < 512);
  const far = Buffer.from(`-----BEGIN ${'PRIVATE'} KEY-----\n${quiet(2000)}\n`);
  assert.ok((scanner.scan(far).reach ?? 0) > 16 * 1024);
});

test('what only looks like the beginning of something does not make searches wider', () => {
  const lines = ['  if (flags & 0x20) return 0x7f;', 'data: what follows', 'the = \n sign'].join('\n');
  const text = Buffer.from(`${quiet(200)}\n${lines}\n${quiet(200)}\n`);
  assert.ok((scanner.scan(text).reach ?? 0) < 512);
});

test('a list of numbers that few more would make text of is searched around', () => {
  const numbers = (count: number): string =>
    Array.from({ length: count }, (_, n) => `0x6${n % 10}, `).join('');
  assert.ok((scanner.scan(Buffer.from(numbers(4))).reach ?? 0) < 512);
  assert.ok((scanner.scan(Buffer.from(numbers(8))).reach ?? 0) >= 1024);
  assert.ok((scanner.scan(Buffer.from(numbers(40))).reach ?? 0) >= 4096);
});
