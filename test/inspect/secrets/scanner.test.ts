import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { ScanResult } from '../../../src/inspect/secrets/match.ts';
import type { SecretRule } from '../../../src/inspect/secrets/rule.ts';
import { Scanner } from '../../../src/inspect/secrets/scanner.ts';
import { assignmentRule, madeRules, madeToken, prefixMatcher, prefixRule } from './made-rules.ts';

const scanner = new Scanner(madeRules);
const places = ({ matches }: ScanResult) =>
  matches.map(({ rule, start, end, value, decoded }) => ({ rule: rule.id, start, end, value, decoded }));

test('a token is found with its exact span', () => {
  const text = `let a = '${madeToken()}';\n`;
  const { matches, unscanned } = scanner.scan(Buffer.from(text));
  assert.deepEqual(unscanned, []);
  assert.equal(matches.length, 1);
  const [match] = matches;
  assert.equal(text.slice(match?.start, match?.end), madeToken());
  assert.equal(match?.value, madeToken());
  assert.equal(match?.confidence, 'high');
});

test('a token at the very beginning and the very end of the data is found', () => {
  assert.equal(scanner.scan(Buffer.from(madeToken())).matches.length, 1);
  assert.equal(scanner.scan(Buffer.from(`${madeToken()} ${madeToken(1)}`)).matches.length, 2);
  assert.equal(scanner.scan(Buffer.alloc(0)).matches.length, 0);
});

test('a token that is only a part of a longer word is none', () => {
  assert.equal(scanner.scan(Buffer.from(`x${madeToken()}`)).matches.length, 0);
  assert.equal(scanner.scan(Buffer.from(`${madeToken()}x`)).matches.length, 0);
});

test('a keyword without case is found in any case, and one with case only as it is', () => {
  assert.equal(scanner.scan(Buffer.from('PassWord = "abcdefgh12"')).matches.length, 1);
  assert.equal(scanner.scan(Buffer.from(madeToken().replace('mk', 'MK'))).matches.length, 0);
});

test('a rule without keywords sees all of a large text, and each match once', () => {
  const shape = '<<123456789012>>';
  const text = `${shape}${'x'.repeat(65_530)}${shape}${'y'.repeat(65_500)}${shape}`;
  assert.deepEqual(
    scanner.scan(Buffer.from(text)).matches.map(({ start }) => start),
    [0, 65_546, 131_062],
  );
});

test('of candidates in one place the rule that knows whose token it is wins', () => {
  const text = `password = "${madeToken()}"`;
  assert.deepEqual(
    scanner.scan(Buffer.from(text)).matches.map(({ rule }) => rule.id),
    [prefixRule.id],
  );
});

test('of two rules that know one token the surer wins, then the longer', () => {
  const fake: SecretRule = { ...prefixRule, id: 'fake', tier: 'A', check: () => 'invalid' };
  const long = {
    ...prefixRule,
    id: 'long',
    keywords: ['kk'],
    matcher: { ...prefixMatcher(0), find: () => ({ start: 0, end: 20 }) },
  };
  const text = Buffer.from(`${madeToken()} kk`);
  const ids = (rules: typeof madeRules) => new Scanner(rules).scan(text).matches.map(({ rule }) => rule.id);
  assert.deepEqual(ids([fake, prefixRule]), [prefixRule.id]);
  assert.deepEqual(ids([fake]), ['fake']);
  assert.deepEqual(ids([long, prefixRule]), [prefixRule.id]);
});

test('a check that calls the value a placeholder, and a rule that does not admit it, drop the match', () => {
  const text = Buffer.from(`see ${madeToken()} # sample`);
  const scan = (more: object) => new Scanner([{ ...prefixRule, ...more }]).scan(text).matches;
  assert.equal(scan({ check: () => 'placeholder' }).length, 0);
  assert.equal(scan({ admit: (_value: string, line: string) => !line.includes('sample') }).length, 0);
  assert.equal(scan({ check: () => 'invalid' })[0]?.confidence, 'low');
  assert.equal(scan({ check: () => 'valid', tier: 'C' })[0]?.confidence, 'high');
});

test('more matches than the limit are said to be unscanned', () => {
  const text = Array.from({ length: 30 }, (_, n) => madeToken(n)).join('\n');
  const { matches, unscanned } = new Scanner(madeRules, { matches: 10 }).scan(Buffer.from(text));
  assert.equal(matches.length, 10);
  assert.deepEqual(unscanned, ['more than 10 secrets are in it']);
});

test('work that runs out is said, and so is time', () => {
  const text = Buffer.from('password '.repeat(10_000));
  const poor = new Scanner([assignmentRule], { workBase: 1000, workPerByte: 1 }).scan(text);
  assert.deepEqual(poor.unscanned, ['its content takes too much work to scan']);
  const late = new Scanner([assignmentRule], { deadlineMs: -1, workPerByte: 1000 }).scan(
    Buffer.alloc(2_000_000),
  );
  assert.deepEqual(late.unscanned, ['scanning it took too long']);
});

test('a rule that throws makes the scan throw: nothing passes because a rule is broken', () => {
  const broken = {
    ...prefixRule,
    check: () => {
      throw new Error('broken');
    },
  };
  assert.throws(() => new Scanner([broken]).scan(Buffer.from(madeToken())), /broken/);
});

const line = fc.oneof(
  fc.constantFrom('', 'const x = 1;', `a ${madeToken(1)} b`, 'password: "hunterhunter2"', '<<123456789012>>'),
  fc.string({ maxLength: 80 }),
);
const text = fc.array(line, { maxLength: 60 }).map((lines) => Buffer.from(lines.join('\n')));

test('however a stream is cut, the same is found as in the whole', () => {
  fc.assert(
    fc.property(text, fc.array(fc.nat(500), { maxLength: 20 }), (data, cuts) => {
      const stream = scanner.stream();
      let at = 0;
      for (const cut of cuts) {
        stream.write(data.subarray(at, at + cut));
        at = Math.min(data.length, at + cut);
      }
      stream.write(data.subarray(at));
      assert.deepEqual(places(stream.end()), places(scanner.scan(data)));
    }),
  );
});

test('a stream of several windows gives what the whole gives, with tokens across their borders', () => {
  const window = 4 * 1024 * 1024;
  const data = Buffer.alloc(2 * window + 100_000, 'const value = 1;\n');
  [0, window - 20, window - 200_000, 2 * window - 5, 2 * window + 99_000].forEach((at, n) => {
    data.write(` ${madeToken(n)} `, at);
  });
  const whole = places(scanner.scan(data));
  assert.equal(whole.length, 5);
  for (const piece of [65_536, 1_000_003, data.length]) {
    const stream = scanner.stream();
    for (let at = 0; at < data.length; at += piece) stream.write(data.subarray(at, at + piece));
    assert.deepEqual(places(stream.end()), whole);
  }
});

test('a scan of ranges finds what a scan of the whole finds in them, and nothing that is far away', () => {
  fc.assert(
    fc.property(text, text, text, fc.boolean(), (before, middle, after, far) => {
      const gap = Buffer.alloc(far ? 20_000 : 0, 'nothing here\n');
      const data = Buffer.concat([before, gap, middle, gap, after]);
      const start = before.length + gap.length;
      const end = start + middle.length;
      const whole = places(scanner.scan(data));
      const some = places(scanner.scan(data, [{ start, end }]));
      for (const match of whole) {
        if (match.start < end && match.end > start) assert.ok(some.some((m) => m.start === match.start));
      }
      for (const match of some) {
        assert.ok(whole.some((m) => m.start === match.start));
        if (far) assert.ok(match.end > start - 9_000 && match.start < end + 9_000);
      }
    }),
  );
  assert.deepEqual(scanner.scan(Buffer.from(madeToken()), []).matches, []);
});

test('a secret that an insertion completes is found, though it begins before the range', () => {
  const data = Buffer.from(`first line\nlet a = '${madeToken()}'\nlast line\n`);
  const at = data.indexOf('mk_') + 10;
  assert.equal(scanner.scan(data, [{ start: at, end: at + 3 }]).matches.length, 1);
});
