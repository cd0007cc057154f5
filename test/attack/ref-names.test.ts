/**
 * A client makes a ref whose name a person or a rule takes for another one.
 * 1. The policy protects refs/heads/main, and git takes every one of the names below.
 * 2. The client pushes refs/heads/Main, or main with an invisible, bidi or decomposed character in it.
 * 3. Or it pushes refs/replace/..., which changes what the upstream's own commands see; or a branch
 *    named HEAD, -x, like an oid, or refs/heads/main once more under refs/heads/.
 * Deceptive names are refused, and what is left is matched by its folded form too.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkRefName, collides } from '../../src/git/ref-name.ts';

test('a name with invisible, bidi, decomposed, private or broken characters is refused', () => {
  const names = [
    'ma\u200bin',
    'ma\u200din',
    '\ufeffmain',
    'ma\u00adin',
    'ma\u2060in',
    'main\u202e',
    'main\u2066x',
    'main\u200f',
    'ma\u0301in'.normalize('NFD'),
    'u\u0308ber',
    'main\u00a0',
    'ma\u3000in',
    'main\ufe0f',
    'ma\u115fin',
    'ma\u2800in',
    'ma\u0085in',
    'main\ue000',
    'main\ufffd',
    'main\ud800',
    'main\u2028x',
    '\u{e0061}main',
  ];
  for (const name of names) {
    const refused = { code: 'REF_NAME_INVALID', blame: 'client' } as const;
    assert.throws(() => checkRefName(`refs/heads/${name}`), refused, JSON.stringify(name));
    assert.throws(() => checkRefName(`refs/tags/${name}`), refused, JSON.stringify(name));
  }
});

test('a branch that looks like HEAD, an option, an oid or a full ref name is refused', () => {
  const names = [
    'HEAD',
    'head',
    'ＨＥＡＤ',
    'FETCH_HEAD',
    '-x',
    '--upload-pack=x',
    'topic/-x',
    'a'.repeat(40),
    'A'.repeat(40),
    '0'.repeat(64),
    'refs/heads/main',
    'Refs/heads/main',
    'refs/x',
  ];
  for (const name of names) {
    assert.throws(() => checkRefName(`refs/heads/${name}`), { code: 'REF_NAME_INVALID' }, name);
  }
});

test('what git itself refuses is refused', () => {
  const names = [
    '..',
    'a..b',
    '.a',
    'a/.b',
    'a.lock',
    'a.lock/b',
    'a b',
    'a~1',
    'a^',
    'a:b',
    'a?',
    'a*',
    'a[',
    'a\\b',
    'a@{b',
    'a.',
    'a/',
    'a//b',
    '',
    'a\nb',
    'a\u0007',
    'a\u007f',
  ];
  for (const name of names) {
    assert.throws(
      () => checkRefName(`refs/heads/${name}`),
      { code: 'REF_NAME_INVALID' },
      JSON.stringify(name),
    );
  }
});

test('names that are too long for a file system are refused', () => {
  assert.throws(() => checkRefName(`refs/heads/${'ä'.repeat(126)}`), { code: 'REF_NAME_INVALID' });
  assert.throws(() => checkRefName(`refs/heads/${'a/'.repeat(600)}a`), { code: 'REF_NAME_INVALID' });
  checkRefName(`refs/heads/${'a'.repeat(250)}`);
});

test('only refs/heads/ and refs/tags/ are open', () => {
  const oid = '1'.repeat(40);
  for (const ref of [
    `refs/replace/${oid}`,
    'refs/pull/1/head',
    'refs/notes/commits',
    'refs/heads',
    'refs/x',
    'refsx/heads/a',
    'x/heads/a',
    'refs/Heads/a',
    'refs/stash',
  ]) {
    assert.throws(() => checkRefName(ref), { code: 'REF_NAMESPACE', blame: 'client' }, ref);
  }
  for (const ref of ['HEAD', 'FETCH_HEAD', 'main', 'config']) {
    assert.throws(() => checkRefName(ref), { code: 'REF_NAME_INVALID' }, ref);
  }
  assert.throws(() => checkRefName('logs/refs/heads/a', { anyNamespace: true }), { code: 'REF_NAMESPACE' });
});

test('Main does not slip past main', () => {
  for (const name of ['Main', 'MAIN', 'maIn', 'ｍａｉｎ', 'ma\u200bin', 'maın', 'ＭＡＩＮ']) {
    assert.ok(collides('refs/heads/main', `refs/heads/${name}`), name);
  }
  assert.ok(collides('refs/heads/ſtable', 'refs/heads/stable'));
  assert.ok(!collides('refs/heads/main', 'refs/heads/main2'));
  assert.ok(!collides('refs/heads/main', 'refs/tags/main'));
});
