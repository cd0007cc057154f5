import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { test } from 'node:test';
import { isForShow } from '../../../src/inspect/secrets/for-show.ts';
import { defaultRules } from '../../../src/inspect/secrets/rules/load-rules.ts';
import { Scanner } from '../../../src/inspect/secrets/scanner.ts';

const scanner = new Scanner(defaultRules());

/** The ids of the rules that find something of confidence high or medium, and whether that is for show. */
function look(text: string): readonly (readonly [rule: string, isForShow: boolean])[] {
  const content = Buffer.from(text);
  return scanner
    .scan(content)
    .matches.filter(({ confidence }) => confidence !== 'low')
    .map((match) => [match.rule.id, isForShow(content, match)] as const);
}

/** The text holds what the rule finds, and this says whether it is for show. */
function ofRule(rule: string, text: string): boolean {
  const found = look(text).filter(([id]) => id === rule);
  assert.ok(found.length > 0, `${rule} finds nothing in ${text}`);
  return found.every(([, shown]) => shown);
}

const hex = (length: number): string => '3f9c1e7ab85d2046'.repeat(8).slice(0, length);
const at = (user: string, word: string, host: string): string =>
  ['https://', user, ':', word, '@', host].join('');

test('an address with a password is told in the text of a page, and masked in a store of git', () => {
  const store = (...words: readonly string[]) =>
    words.map((word) => `${at('deploy', word, 'git.acme.io')}\n`).join('');
  assert.equal(ofRule('git-credentials-file', store('blue-bottle')), false);
  assert.equal(ofRule('git-credentials-file', store('blue-bottle', 'green-bottle')), false);
  assert.equal(
    ofRule('git-credentials-file', `[credential]\n\thelper = store\n[url]\n${store('blue-bottle')}`),
    false,
  );
  const page = `Clone it so:\n\n    git clone ${at('deploy', 'blue-bottle', 'git.acme.io')}\n\nand then build it.\n`;
  assert.equal(ofRule('git-credentials-file', page), true);
});

test('a store of git that is wrapped is masked, since its form is not seen', () => {
  const store = (word: string) => Buffer.from(`${at('deploy', word, 'git.acme.io')}\n`.repeat(2));
  const wrapped = (word: string) => `data: ${store(word).toString('base64')}\nmore: text\nand: text\n`;
  assert.equal(ofRule('git-credentials-file', wrapped('blue-bottle')), false);
  assert.equal(ofRule('git-credentials-file', wrapped('password')), true);
});

test('an address of documentation is for show even where it fills the file, and what a generator made is not', () => {
  assert.equal(ofRule('git-credentials-file', `${at('user', 'password', 'host')}\n`), true);
  assert.equal(ofRule('git-credentials-file', `${at('tobi', 'hello', 'example.com')}\n`), true);
  assert.equal(ofRule('git-credentials-file', `${at('username', 'passw0rd1', 'git.acme.io')}\n`), true);
  assert.equal(ofRule('git-credentials-file', `${at('user', `x9${hex(20)}Q`, 'example.com')}\n`), false);
});

test('a password file of PostgreSQL is known by its lines', () => {
  const line = (password: string) => `db.acme.io:5432:main:web:${password}\n`;
  assert.equal(ofRule('pgpass-password', line('blue-bottle')), false);
  assert.equal(ofRule('pgpass-password', `${line('blue-bottle')}# for the reports\n${line('green')}`), false);
  assert.equal(ofRule('pgpass-password', `zstyle ':completion:*:*:git:*' script x\n`.repeat(3)), true);
});

test('the words of examples are for show in basic authentication, and a chosen password is not', () => {
  const header = (pair: string) => `Authorization: Basic ${Buffer.from(pair).toString('base64')}\n`;
  for (const pair of ['testuser:testpass', 'user1:password1', 'fake:fake-user', 'xxx:yyyy', 'me:my-secret'])
    assert.equal(ofRule('basic-authorization', header(pair)), true, pair);
  for (const pair of ['deploy:blue-bottle', `user:q7${hex(12)}`, 'user:Sommer-2024', 'admin:Xk2+vv81'])
    assert.equal(ofRule('basic-authorization', header(pair)), false, pair);
});

test('an oid or a checksum beside the name of a service is for show, and its key is not', () => {
  const link = `see https://github.com/cloudflare/cfssl/blob/${hex(40)}/signer/local.go\n`;
  assert.equal(ofRule('cloudflare-api-token', link), true);
  assert.equal(ofRule('cloudflare-api-token', `github.com/cloudflare/cfssl ${hex(40)}\n`), true);
  assert.equal(ofRule('cloudflare-api-token', `cloudflare_api_token = "${hex(40)}"\n`), false);
});

test('a password that is a word is masked where its place tells that it is one', () => {
  assert.equal(ofRule('connection-string-password', `"Server=db;Uid=web;Pwd=bluebottle-wine;"\n`), false);
  assert.equal(
    ofRule('connection-string-password', `user = 1; pwd = getpwnam(name); uid = 2; host=x\n`),
    true,
  );
});

test('a private key that nobody published is never for show', () => {
  const { privateKey } = generateKeyPairSync('ed25519');
  const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
  assert.equal(ofRule('private-key', pem), false);
  assert.equal(ofRule('private-key', JSON.stringify({ key: pem })), false);
});
