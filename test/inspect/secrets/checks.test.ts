import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import test from 'node:test';
import fc from 'fast-check';
import { crc32 } from '../../../src/inspect/secrets/checks/crc32.ts';
import { checks } from '../../../src/inspect/secrets/checks/index.ts';
import { marvin64 } from '../../../src/inspect/secrets/checks/marvin32.ts';
import { crc24 } from '../../../src/inspect/secrets/checks/pem.ts';
import { isPlaceholder } from '../../../src/inspect/secrets/checks/placeholder.ts';
import { readDefaultRules } from '../../../src/inspect/secrets/rules/load-rules.ts';
import { generate, seededRandom } from '../../../src/inspect/secrets/rules/token-sample.ts';

const judge = (name: string, value: string): string => (checks[name] ?? assert.fail(name)).check(value);

test('the sums give what their specifications print', () => {
  assert.equal(crc32('123456789'), 0xcbf43926);
  assert.equal(crc24(Buffer.from('123456789')), 0x21cf02);
  assert.equal(marvin64(Buffer.from('abc'), 0xd53cd9cecd0893b7n), 0x22c74339492769bfn);
});

/** Published samples, in parts: whole they would be words that look like secrets. */
const published: readonly (readonly [check: string, value: string])[] = [
  ['entra-secret', `zzz8Q~${'z'.repeat(31)}blP`],
  ['azure-key', `${'d'.repeat(44)}AzFu182vhA==`],
  ['azure-key', `${'e'.repeat(42)}+ACRCTB7t/`],
  ['bech32', 'abcdef1qpzry9x8gf2tvdw0s3jn54khce6mua7lmqqqxw'],
  ['nats-nkey', ['SUACSSL3UAHUDXKFSNVUZRF5UHPMWZ6B', 'FDTJ7M6USDXIEDNPPQYYYCU3VY'].join('')],
];

for (const [check, value] of published) {
  test(`${check} takes the published sample that ends with ${value.slice(-6)}`, () => {
    assert.equal(judge(check, value), 'valid');
  });
}

const sums = [
  'github-crc32',
  'gitlab-routable',
  'atlassian-crc32',
  'bitbucket-crc32',
  'grafana-crc32',
  'azure-key',
  'bech32',
  'nats-nkey',
];

const grammarsOf = (check: string): readonly string[] =>
  readDefaultRules().flatMap(({ entry }) => (entry.check === check ? [entry.token ?? []].flat() : []));

for (const name of sums) {
  test(`${name}: a completed token is valid, and with any one character changed it is not`, () => {
    const check = checks[name] ?? assert.fail();
    const grammars = grammarsOf(name);
    assert.ok(grammars.length > 0);
    fc.assert(
      fc.property(
        fc.constantFrom(...grammars),
        fc.nat(),
        fc.nat(),
        fc.constantFrom(...'b3Xq'),
        (grammar, seed, place, char) => {
          const token = generate(grammar, seededRandom(seed), check);
          assert.equal(check.check(token), 'valid', token);
          // Azure's and NATS' last character holds bits that belong to no byte.
          const unpadded = token.replace(/=+$/, '').length - 1;
          const at = place % unpadded;
          const other = name === 'bech32' ? 'QP'.charAt(token[at] === 'Q' ? 1 : 0) : char;
          const changed = token.slice(0, at) + other + token.slice(at + 1);
          if (changed !== token && at >= (/^\w+?[-_]/.exec(token)?.[0].length ?? 0)) {
            assert.notEqual(check.check(changed), 'valid', `${token} ${changed}`);
          }
        },
      ),
      { numRuns: 150 },
    );
  });
}

test('every check that completes a token takes what it completed, for every rule that names it', () => {
  for (const { entry } of readDefaultRules()) {
    const check = checks[entry.check ?? ''];
    if (check?.complete === undefined) continue;
    for (const grammar of [entry.token ?? []].flat()) {
      for (let seed = 0; seed < 10; seed++) {
        const token = generate(grammar, seededRandom(seed), check);
        const result = check.check(token);
        assert.ok(
          result === 'valid' || (result === 'unknown' && entry.tier === 'B'),
          `${entry.id}: ${token} ${result}`,
        );
      }
    }
  }
});

for (const name of Object.keys(checks)) {
  test(`${name} judges any text without throwing`, () => {
    const check = checks[name] ?? assert.fail();
    fc.assert(
      fc.property(fc.oneof(fc.string({ maxLength: 200 }), fc.base64String({ maxLength: 200 })), (text) => {
        assert.notEqual(check.check(`${text}`), undefined);
      }),
      { numRuns: 60 },
    );
  });
}

const { privateKey: ec } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const { privateKey: rsa } = generateKeyPairSync('rsa', { modulusLength: 1024 });
const pkcs8 = ec.export({ type: 'pkcs8', format: 'pem' }).toString();
const pkcs1 = rsa.export({ type: 'pkcs1', format: 'pem' }).toString();
const sec1 = ec.export({ type: 'sec1', format: 'pem' }).toString();
const sealed = rsa
  .export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'x' })
  .toString();
const legacy = rsa
  .export({ type: 'pkcs1', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'x' })
  .toString();

const shapes: Readonly<Record<string, (key: string) => string>> = {
  'in a file': (key) => key,
  'with CRLF': (key) => key.replaceAll('\n', '\r\n'),
  indented: (key) => key.replaceAll('\n', '\n      '),
  'on one line with \\n': (key) => key.replaceAll('\n', '\\n'),
  'on one line with \\\\n': (key) => key.replaceAll('\n', '\\\\n'),
  'in concatenated strings': (key) => key.replaceAll('\n', '\\n" +\n  "'),
  'in quoted lines': (key) => key.replaceAll('\n', "',\n  '"),
  'in a comment': (key) => key.replaceAll('\n', '\n# '),
  'on one line with spaces': (key) => key.trim().replaceAll('\n', ' '),
};

for (const [shape, write] of Object.entries(shapes)) {
  test(`a private key ${shape} is valid`, () => {
    for (const key of [pkcs8, pkcs1, sec1, sealed, legacy]) {
      const text = write(key.trim());
      assert.equal(judge('pem', text), 'valid', text.slice(0, 200));
    }
  });
}

test('a private key that is cut is not valid, and what only stands for one is a placeholder', () => {
  const lines = pkcs1.trim().split('\n');
  assert.equal(judge('pem', [...lines.slice(0, 5), lines.at(-1)].join('\n')), 'invalid');
  for (const body of ['MIIE...', '<key>', 'x'.repeat(100), '$KEY']) {
    assert.equal(judge('pem', [lines[0], body, lines.at(-1)].join('\n')), 'placeholder');
  }
});

test('an OpenPGP key is proven by its armour', () => {
  const body = Buffer.from(`95${'5a'.repeat(120)}`, 'hex');
  body.set(Buffer.from('a key that is none, only for its sum'), 40);
  const sum = Buffer.alloc(3);
  sum.writeUIntBE(crc24(body), 0, 3);
  const label = ['PGP PRIVATE', 'KEY BLOCK'].join(' ');
  const armour = (text: Buffer, last = sum.toString('base64')): string =>
    `-----BEGIN ${label}-----\nVersion: 1\n\n${text.toString('base64')}\n=${last}\n-----END ${label}-----`;
  assert.equal(judge('pem', armour(body)), 'valid');
  for (const short of ['', '=', 'qw', 'qwe', 'qwert'])
    assert.equal(judge('pem', armour(body, short)), 'valid');
  body[60] = (body[60] as number) ^ 1;
  assert.equal(judge('pem', armour(body)), 'invalid');
});

const part = (object: object): string => Buffer.from(JSON.stringify(object)).toString('base64url');
const token = (header: object, claims: object, bytes = 32): string =>
  `${part(header)}.${part(claims)}.${Buffer.alloc(bytes, 7).toString('base64url')}`;

test('a token is judged by what it says', () => {
  const header = { alg: 'HS256', typ: 'JWT' };
  assert.equal(judge('jwt', token(header, { sub: 'a' })), 'valid');
  assert.equal(judge('jwt', token(header, { sub: 'a', exp: 4102444800 })), 'valid');
  assert.equal(judge('jwt', token(header, { sub: 'a', exp: 1577836800 })), 'invalid');
  assert.equal(judge('jwt', token({ alg: 'none' }, { sub: 'a' })), 'invalid');
  assert.equal(judge('jwt', token(header, { sub: 'a' }, 20)), 'invalid');
  assert.equal(judge('jwt', token({ alg: 'RS256' }, { sub: 'a' }, 256)), 'valid');
  assert.equal(judge('jwt', token(header, { sub: '1234567890', name: 'John Doe' })), 'placeholder');
  assert.equal(judge('jwt', token(header, { iss: 'supabase', role: 'anon' })), 'placeholder');
  assert.equal(judge('supabase-jwt', token(header, { iss: 'supabase', role: 'anon' })), 'invalid');
  assert.equal(judge('supabase-jwt', token(header, { iss: 'supabase', role: 'service_role' })), 'valid');
});

test('an access key of AWS names an account, and the documented ones are placeholders', () => {
  assert.equal(judge('aws-access-key', `AKIA${'IOSFODNN7'}EXAMPLE`), 'placeholder');
  assert.equal(judge('aws-access-key', `AKIA${'QYLPMN5HHHFPZAM2'}`), 'valid');
  assert.equal(judge('aws-access-key', `AKIA${'7777777777777777'}`), 'invalid');
  assert.equal(judge('aws-access-key', `AKIA${'IBCDEFGHQRSTUVWX'}`), 'unknown');
});

test('a pair in base64 counts, unless everybody uses it', () => {
  const pair = (text: string): string => judge('basic-auth', Buffer.from(text).toString('base64'));
  assert.equal(pair('deploy:h7Ftq-2kLm9'), 'valid');
  for (const text of ['user:password', 'Aladdin:open sesame', 'no pair', 'a:', 'x:changeme']) {
    assert.equal(pair(text), 'placeholder', text);
  }
});

test('what fills a place is a placeholder, and random text is none', () => {
  for (const body of [
    'xxxxxxxxxxxx',
    'aaaaaaaaaaaaaaaa',
    'abcabcabcabcabc',
    'YOUR_API_KEY',
    ['$', '{TOKEN}'].join(''),
    '<token>',
    'abcdefghijklmnop',
    '123456789012345678',
  ]) {
    assert.ok(isPlaceholder(body), body);
  }
  const random = seededRandom(3);
  for (let i = 0; i < 2000; i++) assert.ok(!isPlaceholder(generate('{an:36}', random)));
});
