import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseConfig } from '../../src/app/config.ts';
import { mapRepo } from '../../src/app/repo-map.ts';
import { parseDuration, parseSize } from '../../src/app/units.ts';
import { RefgateError } from '../../src/domain/error.ts';

const smallest = `upstreams:
  here: { path: { root: ./git } }
repos:
  - { path: "acme/*", upstream: here }
`;

function problems(text: string): string {
  try {
    parseConfig(text, '/etc/refgate/refgate.yaml');
  } catch (error) {
    assert.ok(error instanceof RefgateError);
    assert.equal(error.code, 'CONFIG_INVALID');
    return error.detail ?? '';
  }
  throw new assert.AssertionError({ message: 'the configuration was accepted' });
}

test('the smallest configuration has every default, and paths are absolute from its folder', () => {
  const config = parseConfig(smallest, '/etc/refgate/refgate.yaml');
  assert.equal(config.data, '/etc/refgate/data');
  assert.equal(config.policy, '/etc/refgate/policy.yaml');
  assert.deepEqual(config.listen.ssh, { host: '127.0.0.1', port: 2222 });
  assert.equal(config.limits.packBytes, 4 * 2 ** 30);
  assert.deepEqual(config.upstreams['here'], { path: { root: '/etc/refgate/git' }, agent: 'local' });
});

test('an unknown key is an error with its line and column', () => {
  assert.match(problems(`${smallest}policies: x.yaml\n`), /refgate\.yaml:5:1: policies: unknown key/);
  assert.match(problems(`listen:\n  sssh: 1:2\n${smallest}`), /refgate\.yaml:2:3: listen\.sssh: unknown key/);
});

test('all problems are told at once, one a line', () => {
  const text = `${smallest}limits: { idle: soon, packBytes: 3 }\nlisten: { ssh: nowhere }\n`;
  const lines = problems(text).split('\n');
  assert.equal(lines.length, 3);
  assert.match(lines.join('\n'), /limits\.idle: expected a duration such as 30s/);
});

test('an upstream without a pinned host key is refused', () => {
  const text =
    'upstreams: { ghe: { ssh: { url: "ssh://git@ghe.example.com", hostKeys: [] } } }\nrepos: [{ path: a/b, upstream: ghe }]\n';
  assert.match(problems(text), /upstreams\.ghe\.ssh\.hostKeys: pin at least one host key/);
});

test('a password in the URL of an upstream is refused', () => {
  const text =
    'upstreams: { ghe: { http: { url: "https://me:pw@ghe.example.com" } } }\nrepos: [{ path: a/b, upstream: ghe }]\n';
  assert.match(problems(text), /without a user name or password/);
});

test('a repository line that names an upstream which is not there is refused', () => {
  assert.match(problems(`${smallest}  - { path: other/x, upstream: gone }\n`), /names upstream gone/);
});

test('text that is not YAML is refused with its place', () => {
  assert.match(problems('upstreams: [\n'), /refgate\.yaml:\d+:\d+: /);
});

test('the first repository line that matches wins, and to: renames', () => {
  const lines = [
    { path: 'acme/secret', upstream: 'a' },
    { path: 'acme/*', upstream: 'b', to: 'acme-corp/*' },
    { path: 'deep/**', upstream: 'c' },
  ];
  assert.deepEqual(mapRepo(lines, 'acme/secret'), { upstream: 'a', path: 'acme/secret' });
  assert.deepEqual(mapRepo(lines, 'acme/web'), { upstream: 'b', path: 'acme-corp/web' });
  assert.equal(mapRepo(lines, 'acme/web/more'), undefined);
  assert.deepEqual(mapRepo(lines, 'deep/a/b'), { upstream: 'c', path: 'deep/a/b' });
  assert.equal(mapRepo(lines, 'acme/'), undefined);
  assert.equal(mapRepo(lines, 'elsewhere/web'), undefined);
});

test('a dollar sign in a repository name is not a pattern of the replacement', () => {
  assert.deepEqual(mapRepo([{ path: 'a/*', upstream: 'u', to: 'b/*' }], "a/$&$'"), {
    upstream: 'u',
    path: "b/$&$'",
  });
});

test('sizes and durations are read with their units and nothing else', () => {
  assert.equal(parseSize('2GiB'), 2 * 2 ** 30);
  assert.equal(parseSize('2 MiB'), 2 * 2 ** 20);
  assert.equal(parseSize('2GB'), undefined);
  assert.equal(parseSize('-1B'), undefined);
  assert.equal(parseDuration('90s'), 90_000);
  assert.equal(parseDuration('1.5h'), undefined);
  assert.equal(parseDuration('constructor'), undefined);
});

test('a problem is told in words, not in those of the schema', () => {
  assert.equal(
    problems('{}\n').replaceAll('/etc/refgate/refgate.yaml:1:1: ', ''),
    'upstreams: is missing\nrepos: is missing',
  );
  assert.match(
    problems(`${smallest}limits: { refUpdates: 0, idle: 5 }\n`),
    /refUpdates: expected at least 1/,
  );
  assert.match(problems(`${smallest}noThin: 1\n`), /noThin: expected true or false/);
  assert.match(problems(`${smallest}publicUrl: "https://x.example.com/path"\n`), /publicUrl: expected https/);
});

test('a host key that is not one is found before the agent starts', () => {
  const key = 'ghe.example.com ssh-ed25519 AAAA';
  const text = `upstreams: { ghe: { ssh: { url: "ssh://git@ghe.example.com", hostKeys: ["${key}"] } } }\nrepos: [{ path: a/b, upstream: ghe }]\n`;
  assert.match(problems(text), /refgate\.yaml:1:\d+: upstreams\.ghe\.ssh\.hostKeys\.0: expected TYPE BASE64/);
});

test('aliases that multiply without bounds are a problem of the file, not of ours', () => {
  const level = (name: string, of: string): string => `${name}: &${name} [${`*${of},`.repeat(9)}]\n`;
  const names = [...'bcdefgh'];
  const bomb = `a: &a [1]\n${names.map((name, at) => level(name, names[at - 1] ?? 'a')).join('')}`;
  assert.match(problems(bomb), /alias/);
});

test('an upstream that would get its password in clear over the network is refused', () => {
  const text = (url: string): string =>
    `upstreams: { ghe: { http: { url: "${url}" } } }\nrepos: [{ path: a/b, upstream: ghe }]\n`;
  assert.match(problems(text('http://ghe.example.com')), /plain HTTP would show the password/);
  assert.match(problems(text('http://127.0.0.1.example.com')), /plain HTTP would show the password/);
  parseConfig(text('http://127.0.0.1:8080/git'), '/etc/refgate.yaml');
  parseConfig(text('https://ghe.example.com'), '/etc/refgate.yaml');
});

test('a renaming that would lose or invent a part of the path is refused', () => {
  const text = (path: string, to: string): string =>
    `upstreams: { u: { path: { root: . } } }\nrepos: [{ path: "${path}", to: "${to}", upstream: u }]\n`;
  assert.match(problems(text('a/b', 'x/*')), /repos\.0\.to: has a \* exactly when path has one/);
  assert.match(problems(text('a/*', 'x/y')), /repos\.0\.to: /);
});
