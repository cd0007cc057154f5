import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readsGenerated } from '../../../src/inspect/secrets/detectors/value.ts';
import type { SecretRule } from '../../../src/inspect/secrets/rule.ts';
import { defaultRules, readDefaultRules } from '../../../src/inspect/secrets/rules/load-rules.ts';
import { generate, seededRandom } from '../../../src/inspect/secrets/rules/token-sample.ts';
import { Scanner } from '../../../src/inspect/secrets/scanner.ts';
import { negatives, positives } from '../../support/secret-corpus.ts';

const random = seededRandom(2030);
const ruleOf = (id: string): SecretRule => {
  const rule = defaultRules().find((one) => one.id === id);
  assert.ok(rule !== undefined, id);
  return rule;
};
const found = (id: string, text: string): readonly string[] =>
  new Scanner([ruleOf(id)])
    .scan(Buffer.from(text, 'latin1'))
    .matches.map(({ start, end }) => text.slice(start, end));
const strong = (): string => `q${generate('{an:12}', random)}7Z`;

test('the span of a URL credential is the password alone', () => {
  const password = strong();
  assert.deepEqual(found('url-credentials', `see postgres://web:${password}@db.acme.io/main?x=1`), [
    password,
  ]);
});

test('a password in a URL may hold an at sign, a hash and percent-encoding', () => {
  for (const inner of ['@', '#', '%40', '%2F', ':']) {
    const password = strong() + inner + strong();
    assert.deepEqual(
      found('url-credentials', `mongodb+srv://web:${password}@db.acme.io/`),
      [password],
      inner,
    );
  }
});

test('a URL without a user, as redis writes it, is one too', () => {
  const password = strong();
  assert.deepEqual(found('url-credentials', `redis://:${password}@cache.acme.io:6379/0`), [password]);
});

for (const url of [
  'http://user:pass@localhost/',
  'http://user:password@acme.io/',
  'http://foo:bar@example.com/',
  // biome-ignore lint/suspicious/noTemplateCurlyInString: what a shell writes
  'postgres://web:${DB_PASSWORD_1}@db.acme.io/',
  'postgres://web:{{ password_1 }}@db.acme.io/',
  'postgres://web:%s@db.acme.io/',
  'postgres://web:$PASSWORD1@db.acme.io/',
  'postgres://<user>:<password1>@db.acme.io/',
  'https://acme.io:8080/a/b@c1D2e3F4',
  'https://web@acme.io/',
]) {
  test(`${url} holds no secret`, () => {
    assert.deepEqual([...found('url-credentials', url), ...found('url-password', url)], []);
  });
}

test('a generated value that is assigned to a name that says secret is found, whatever the operator', () => {
  const value = `${generate('{an:30}', random)}7`;
  for (const text of [
    `apiKey = "${value}"`,
    `"client_secret": "${value}"`,
    `token => '${value}'`,
    `auth_token := \`${value}\``,
    `const password: string = "${value}"`,
    `{\\"secret\\": \\"${value}\\"}`,
    `config["api_key"] = "${value}"`,
  ])
    assert.deepEqual(found('assigned-secret', text), [value], text);
});

for (const text of [
  'apiKey = "the-key-of-the-service"',
  'token = "createTokenForUser"',
  'secret = "projects/acme/secrets/main1"',
  'password = "https://acme.io/reset1"',
  'accessKey = "config.accessKey1.value"',
  'key = "#a1b2c3d4"',
  'public_key = "b1c2D3e4F5g6H7i8J9k0"',
  'tokenType = "b1c2D3e4F5g6H7i8J9k0"',
  'passwordHash = "b1c2D3e4F5g6H7i8J9k0"',
]) {
  test(`${text} is no secret`, () => assert.deepEqual(found('assigned-secret', text), []));
}

test('bare values count in files of settings, and not in code', () => {
  const value = `${generate('{an:30}', random)}7`;
  assert.deepEqual(found('assigned-setting', `API_TOKEN=${value}`), [value]);
  const { admitPath } = ruleOf('assigned-setting');
  assert.equal(admitPath?.('deploy/.env', value), true);
  assert.equal(admitPath?.('src/main.ts', value), false);
});

test('the letters tell what a generator made from names and words', () => {
  for (const grammar of ['{an:20}', '{an:32}', '{hex:32}', '{b64u:40}', '{[a-z0-9]:24}']) {
    const count = 500;
    let right = 0;
    for (let i = 0; i < count; i++) if (readsGenerated(generate(grammar, random))) right++;
    assert.ok(right >= count * 0.95, `${grammar}: ${right} of ${count}`);
  }
  for (const name of [
    'createAccessToken',
    'linkedEntities',
    'x86_avx_round_ps',
    'ServiceAccountKey2',
    'main-cluster-1',
  ])
    assert.equal(readsGenerated(name), false, name);
});

test('files that are secrets as a whole are known by their names', () => {
  const paths = (path: string): readonly string[] =>
    defaultRules()
      .filter((rule) => rule.isSecretPath?.(path) === true)
      .map((rule) => rule.id);
  assert.deepEqual(paths('home/.ssh/id_rsa'), ['private-key-file']);
  assert.deepEqual(paths('app/config/master.key'), ['credential-file']);
  assert.deepEqual(paths('infra/terraform.tfstate'), ['state-file']);
  for (const path of ['home/.ssh/id_rsa.pub', 'src/credentials.ts', 'README.md'])
    assert.deepEqual(paths(path), [], path);
});

test('tokens of rules with a prefix are found in every context', () => {
  const entries = readDefaultRules().map(({ entry }) => entry);
  const unique = entries.filter((entry) => entry.tier === 'B' && entry.keywords === undefined);
  const scanner = new Scanner(defaultRules());
  const missed: string[] = [];
  let seen = 0;
  for (const file of positives(unique, 7)) {
    const { secret } = file;
    if (secret === undefined) continue;
    seen++;
    const { matches } = scanner.scan(Buffer.from(file.content, 'latin1'));
    if (!matches.some(({ start, end }) => start < secret.end && end > secret.start)) {
      missed.push(`${secret.rule} in ${file.kind}`);
    }
  }
  assert.ok(seen > 1000, `${seen}`);
  assert.ok(missed.length <= seen * 0.02, missed.slice(0, 20).join('; '));
});

test('look-alikes give nothing at medium or high confidence', () => {
  const scanner = new Scanner(defaultRules());
  for (const file of negatives(300, 11)) {
    const bad = scanner
      .scan(Buffer.from(file.content, 'latin1'))
      .matches.filter(
        (match) => match.confidence !== 'low' && match.rule.admitPath?.(file.path, match.value) !== false,
      );
    assert.deepEqual(
      bad.map((match) => match.rule.id),
      [],
      `${file.kind}: ${file.content.slice(0, 200)}`,
    );
  }
});
