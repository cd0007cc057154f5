import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { checkFilter } from '../../src/git/filter-spec.ts';
import {
  checkRefName,
  collides,
  foldRefName,
  namespaceOf,
  refFormatProblem,
} from '../../src/git/ref-name.ts';
import { runGit } from '../support/git.ts';
import { outcome } from './pieces.ts';

test('plain names pass', () => {
  const plain = [
    'refs/heads/main',
    'refs/tags/v1.0',
    'refs/heads/feature/ünï-2',
    'refs/heads/user/你好',
    'refs/heads/add_head',
    'refs/heads/👍',
    'refs/heads/a.lock.b',
    `refs/heads/${'a'.repeat(39)}`,
  ];
  for (const ref of plain) checkRefName(ref);
  checkRefName('refs/notes/commits', { anyNamespace: true });
  assert.throws(() => checkRefName('refs/notes/commits'), { code: 'REF_NAMESPACE' });
});

test('our grammar agrees with git check-ref-format on what git takes', async () => {
  const piece = fc.oneof(
    { weight: 4, arbitrary: fc.stringMatching(/^[a-zé@-]{1,4}$/) },
    fc.constantFrom(
      '.',
      '..',
      '/',
      '//',
      '@{',
      '@',
      '.lock',
      '.lock/',
      '~',
      '^',
      ':',
      '?',
      '*',
      '[',
      '\\',
      ' ',
      '\t',
      '\u007f',
      '\u0001',
      'refs/',
      'x/y',
      './',
      '/.',
    ),
  );
  const names = fc.sample(
    fc
      .array(piece, { minLength: 1, maxLength: 6 })
      .map((parts) => parts.join(''))
      .filter((name) => !name.startsWith('-')),
    {
      numRuns: 250,
      seed: 7,
    },
  );
  const given = await Promise.all(
    names.map(async (name) => (await runGit(['check-ref-format', name])).status === 0),
  );
  names.forEach((name, i) => {
    assert.equal(refFormatProblem(name) === undefined, given[i], JSON.stringify(name));
  });
});

test('any text is a name or a coded error', () => {
  fc.assert(
    fc.asyncProperty(fc.string({ unit: 'binary' }), async (text) => {
      await outcome(() => checkRefName(`refs/heads/${text}`));
      await outcome(() => checkRefName(text));
      await outcome(() => checkFilter(text, 'client'));
    }),
  );
});

test('folding is stable, and hides case, width, composition and invisible characters', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      const folded = foldRefName(text);
      assert.equal(foldRefName(folded), folded);
      assert.equal(foldRefName(text.normalize('NFD')), foldRefName(text.normalize('NFC')));
    }),
    { numRuns: 1000 },
  );
  for (const other of [
    'refs/heads/Main',
    'refs/heads/MAIN',
    'refs/heads/ｍain',
    'refs/heads/ma\u200bin',
    'refs/heads/maın',
  ]) {
    assert.ok(collides('refs/heads/main', other), other);
  }
  assert.ok(collides('refs/heads/straße', 'refs/heads/STRASSE'));
  assert.ok(!collides('refs/heads/main', 'refs/heads/main'));
  assert.ok(!collides('refs/heads/main', 'refs/heads/maint'));
});

test('namespaces are told apart', () => {
  assert.equal(namespaceOf('refs/heads/tags/x'), 'branch');
  assert.equal(namespaceOf('refs/tags/x'), 'tag');
  for (const other of ['refs/notes/x', 'refs/headsx/y', 'HEAD', 'refs/heads'])
    assert.equal(namespaceOf(other), 'other');
});

test('filters that git knows pass, and nothing else', () => {
  const known = [
    'blob:none',
    'blob:limit=1m',
    'tree:0',
    'object:type=tag',
    'sparse:oid=main:filter',
    'combine:tree:3+blob:none',
    'combine:combine%3Atree%3A1%2Bblob%3Anone+tree:2',
  ];
  for (const filter of known) checkFilter(filter, 'client');
  for (const filter of [
    '',
    'blob',
    'blob:limit=',
    'tree:-1',
    'sparse:path=x',
    'combine:',
    'combine:%zz',
    'blob:none ',
    'tree:0\nwant',
  ]) {
    assert.throws(() => checkFilter(filter, 'client'), { code: 'PROTOCOL_ERROR' }, filter);
  }
});
