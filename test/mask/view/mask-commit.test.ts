import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { test } from 'node:test';
import fc from 'fast-check';
import { checkCommit } from '../../../src/git/object.ts';
import type { ViewOf } from '../../../src/mask/view/view-function.ts';
import { tokenAt, tokens, viewFunction } from './view-samples.ts';

const hex = (digit: string): string => digit.repeat(40);
const nobody: ViewOf = () => undefined;
const view = viewFunction();
const token = tokens.find((one) => /^[a-z]+_[A-Za-z0-9]+$/.test(one)) ?? '';

const armour = (kind: string) =>
  [`-----BEGIN ${kind}-----`, '', 'iQEzBAABCAAdFiEE', '=abcd', `-----END ${kind}-----`].join('\n ');
const signature = `gpgsig ${armour('PGP SIGNATURE')}\n`;

interface Made {
  tree?: string;
  parents?: readonly string[];
  author?: string;
  headers?: string;
  message?: string;
}

const commitOf = ({
  tree = hex('a'),
  parents = [hex('b')],
  author,
  headers = '',
  message = 'say it\n',
}: Made): Buffer =>
  Buffer.from(
    `tree ${tree}\n${parents.map((parent) => `parent ${parent}\n`).join('')}` +
      `author ${author ?? 'Ann <ann@acme.io>'} 1700000000 +0100\n` +
      `committer Bob <bob@acme.io> 1700000001 -0730\n${headers}\n${message}`,
    'latin1',
  );

// The view of one commit is an original nowhere: were it one, it would have a view of its own.
const parentMapped: ViewOf = (oid) => ({ [hex('b')]: hex('9'), [hex('9')]: hex('5') })[oid];
const isAffected = (oid: string): boolean => oid === hex('f');
const mask = (content: Buffer, viewOf: ViewOf = nobody, ancestors: ViewOf = nobody) =>
  view.commit(content, viewOf, { viewOfAncestor: ancestors, isAffected });
const text = (content: Buffer | undefined): string => content?.toString('latin1') ?? '';

test('a commit that holds and names nothing affected is the same, with its signature', () => {
  assert.equal(mask(commitOf({ headers: signature })), undefined);
  assert.equal(mask(commitOf({ headers: 'encoding ISO-8859-1\n', message: 'caf\xe9 \xff\n' })), undefined);
});

test('where a parent or the tree is affected the oid changes and nothing else; no header is added where none was left out', () => {
  const odd = { headers: 'encoding ISO-8859-1\nHG:extra a\\0b\n  more\n', message: 'caf\xe9 \xff\n\nno end' };
  assert.equal(
    text(mask(commitOf(odd), parentMapped)?.content),
    text(commitOf({ ...odd, parents: [hex('9')] })),
  );
  const tree: ViewOf = (oid) => (oid === hex('a') ? hex('8') : undefined);
  assert.equal(text(mask(commitOf(odd), tree)?.content), text(commitOf({ ...odd, tree: hex('8') })));
});

test('an affected commit loses its signatures and embedded tags, and twins that differ in them alone stay different', () => {
  const mergetag = `mergetag object ${hex('b')}\n type commit\n tag v1\n tagger T <t@acme.io> 1700000000 +0000\n \n words\n`;
  const sha256 = `gpgsig-sha256 ${armour('SSH SIGNATURE')}\n`;
  const headers = [
    '',
    signature,
    sha256,
    mergetag,
    signature + sha256,
    sha256 + signature,
    signature + mergetag,
  ];
  const kept = 'encoding UTF-8\n';
  const all = headers.flatMap((each) => [each, each + kept, kept + each]);
  const views = new Map<string, string>();
  for (const own of all) {
    const shown = text(mask(commitOf({ headers: own }), parentMapped)?.content);
    checkCommit(Buffer.from(shown, 'latin1'), 'sha1');
    assert.doesNotMatch(shown, /gpgsig|mergetag|BEGIN/);
    assert.equal(/\nrefgate-unsigned [0-9a-f]{32}\n\nsay it\n$/.test(shown), own.replace(kept, '') !== '');
    views.set(shown, own);
  }
  assert.equal(views.size, new Set(all).size);
});

test('a commit is affected by what an embedded tag names, and by a secret in it or in a signature', () => {
  const tag = (object: string, words: string) =>
    `mergetag object ${object}\n type commit\n tag v1\n \n ${words}\n`;
  assert.equal(mask(commitOf({ headers: tag(hex('d'), 'words') })), undefined);
  for (const headers of [
    tag(hex('e'), 'words'),
    tag(hex('d'), `key ${token}`),
    `gpgsig -----BEGIN PGP SIGNATURE-----\n Comment: ${token}\n -----END PGP SIGNATURE-----\n`,
  ]) {
    const shown = text(
      mask(commitOf({ headers }), (oid) => (oid === hex('e') ? hex('9') : undefined))?.content,
    );
    assert.match(shown, /\nrefgate-unsigned [0-9a-f]{32}\n\n/);
    assert.equal(shown.includes(token), false);
  }
});

test('an original that has our header is affected itself, so that no two commits have one view', () => {
  const shown = text(mask(commitOf({ headers: signature }), parentMapped)?.content);
  const line = /refgate-unsigned [0-9a-f]{32}\n/.exec(shown)?.[0] ?? '';
  const written = commitOf({ parents: [hex('9')], headers: line });
  assert.equal(text(written), shown);
  const masked = text(mask(written)?.content);
  assert.match(masked, /\nrefgate-unsigned [0-9a-f]{32}\n/);
  assert.notEqual(masked, shown);
});

test('secrets in names, addresses, headers and the message are masked, and the commit stays well-formed', () => {
  const made = commitOf({
    author: `Ann ${token} <${token}@acme.io>`,
    headers: `${signature}note ${token}\n  more ${tokenAt(1)}\n`,
    message: `use ${token}\n\n${tokenAt(2)}`,
  });
  const masked = mask(made);
  const shown = text(masked?.content);
  checkCommit(Buffer.from(shown, 'latin1'), 'sha1');
  assert.equal(masked?.whole, undefined);
  for (const secret of [token, tokenAt(1), tokenAt(2)]) assert.equal(shown.includes(secret), false);
  const placeholder = masked?.spans[0]?.placeholder;
  assert.ok(shown.includes(`author Ann ${placeholder} <${placeholder}@acme.io> 1700000000 +0100\n`));
  assert.ok(shown.includes(`\nnote ${placeholder}\n  more REDACTED-`));
  for (const { start, end, viewStart, viewEnd, placeholder: own, secret } of masked?.spans ?? []) {
    assert.equal(text(made.subarray(start, end)), text(secret));
    assert.equal(shown.slice(viewStart, viewEnd), own);
  }
  assert.deepEqual(
    view.find(Buffer.from(shown, 'latin1'), { type: 'commit' }).secrets.filter(({ rule }) => rule !== 'lit'),
    [],
  );
});

test('a message in UTF-16, and bytes that are no UTF-8, are masked where they are', () => {
  const made = Buffer.concat([
    commitOf({ message: '\xff\xfe caf\xe9 ' }),
    Buffer.from(`key ${token} x`, 'utf16le'),
  ]);
  const masked = mask(made);
  assert.equal(masked?.whole, undefined);
  assert.equal(masked?.content.includes(Buffer.from(token, 'utf16le').subarray(0, 20)), false);
  assert.equal(masked?.spans.length, 1);
});

test('a secret that goes beyond its header is not cut out: nothing of the commit is shown but its links and times', () => {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const [begin, ...body] = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString().split('\n');
  const made = commitOf({ headers: `${signature}x-note ${begin}\n`, message: body.join('\n') });
  const masked = mask(made, parentMapped);
  const shown = text(masked?.content);
  assert.equal(shown.includes(body[0] ?? ''), false);
  assert.equal(masked?.whole, 'a secret is where it cannot be cut out');
  checkCommit(Buffer.from(shown, 'latin1'), 'sha1');
  assert.match(shown, new RegExp(`^tree ${hex('a')}\nparent ${hex('9')}\nauthor REDACTED-`));
  assert.match(shown, /> 1700000000 \+0100\ncommitter .*> 1700000001 -0730\n\nREDACTED-[a-z0-9-]+\n$/);
  assert.deepEqual(masked.spans[0]?.secret, made);
});

test('what cannot be searched shows nothing of the commit but its links and times', () => {
  const many = Array.from({ length: 1100 }, (_, i) => tokenAt(i)).join('\n');
  const masked = mask(commitOf({ message: many }));
  const shown = text(masked?.content);
  checkCommit(Buffer.from(shown, 'latin1'), 'sha1');
  assert.match(shown, /\n\nREDACTED-unscanned-[0-9a-f]{16}\n$/);
  assert.notEqual(text(mask(commitOf({ message: many, headers: signature }))?.content), shown);
});

test('whole ids of affected ancestors in a message become those of the view', () => {
  const ancestors: ViewOf = (oid) => ({ [hex('c')]: hex('7'), [hex('7')]: hex('7') })[oid];
  const message = (id: string) => `revert ${id}.\n\n(x${hex('c')}0) ${hex('d')}`;
  const shown = text(mask(commitOf({ message: message(hex('c')) }), parentMapped, ancestors)?.content);
  assert.equal(shown, text(commitOf({ parents: [hex('9')], message: message(hex('7')) })));
  const literal = text(mask(commitOf({ message: message(hex('7')) }), parentMapped, ancestors)?.content);
  assert.match(literal, /revert REDACTED-lit-[0-9a-f]{16}\./);
  const upper = text(mask(commitOf({ message: message(hex('C')) }), parentMapped, ancestors)?.content);
  assert.match(upper, /revert REDACTED-oid-[0-9a-f]{16}\./);
});

test('a commit that names an affected object which is no ancestor is affected, and shows an alias, wherever the id stands', () => {
  const alias = /^REDACTED-oid-[0-9a-f]{16}$/;
  for (const id of [hex('f'), hex('F')])
    for (const made of [
      commitOf({ message: `pick\n\n(cherry picked from commit ${id})\n` }),
      commitOf({ headers: `x-from ${id}\n`, message: 'x\n' }),
      commitOf({ headers: `x-from\n lines ${id}\n` }),
      commitOf({ author: `${id} <${id}@acme.io>` }),
      commitOf({ headers: `parent ${id}\n` }),
    ]) {
      const masked = mask(made);
      const shown = text(masked?.content);
      assert.equal(shown.includes(id), false);
      assert.ok(masked?.spans.every(({ placeholder }) => alias.test(placeholder)));
      assert.ok(masked?.spans.every(({ secret }) => text(secret) === id));
      const undone = masked?.spans.reduce((all, { placeholder }) => all.replace(placeholder, id), shown);
      assert.equal(undone, text(made));
    }
  const tag = `mergetag object ${hex('f')}\n type commit\n tag v1\n \n words\n`;
  assert.match(
    text(mask(commitOf({ headers: tag }))?.content),
    /\nrefgate-unsigned [0-9a-f]{32}\n\nsay it\n$/,
  );
  assert.equal(mask(commitOf({ message: `${hex('f')}0 ${hex('f').slice(1)} ${hex('c')}` })), undefined);
});

test('two commits never have one view', () => {
  const pieces = fc.constantFrom(
    signature,
    'refgate-unsigned 0123456789abcdef0123456789abcdef\n',
    'encoding UTF-8\n',
    `x ${token}\n`,
    `mergetag object ${hex('b')}\n type commit\n`,
    'x REDACTED-lit-0123456789abcdef\n',
  );
  const words = fc.constantFrom(
    token,
    hex('c'),
    hex('7'),
    hex('f'),
    hex('F'),
    'word ',
    '\n',
    '\n\n',
    'REDACTED-lit-0123456789abcdef',
  );
  const commits = fc
    .record({
      headers: fc.array(pieces, { maxLength: 3 }).map((parts) => parts.join('')),
      message: fc.array(words, { maxLength: 3 }).map((parts) => parts.join(' ')),
      parents: fc.constantFrom([], [hex('b')], [hex('b'), hex('d')]),
    })
    .map(commitOf);
  const ancestors: ViewOf = (oid) => ({ [hex('c')]: hex('7'), [hex('7')]: hex('7') })[oid];
  const seen = new Map<string, string>();
  const see = (content: Buffer): Buffer => {
    const shown = mask(content, parentMapped, ancestors)?.content ?? content;
    const known = seen.get(text(shown));
    if (known !== undefined) assert.equal(known, text(content));
    seen.set(text(shown), text(content));
    return shown;
  };
  fc.assert(
    fc.property(commits, (content) => {
      see(see(content));
    }),
    { numRuns: 400 },
  );
});

test('with SHA-256 oids have 64 digits, in headers and in messages', () => {
  const [a, b, c] = ['a', 'b', 'c'].map((digit) => digit.repeat(64)) as [string, string, string];
  const made = commitOf({ tree: a, parents: [b], message: `see ${c} and ${hex('c')}\n` });
  const masked = viewFunction({ format: 'sha256' }).commit(
    made,
    (oid) => (oid === b ? '9'.repeat(64) : undefined),
    { viewOfAncestor: (oid) => (oid === c ? '7'.repeat(64) : undefined), isAffected: () => false },
  );
  const expected = commitOf({
    tree: a,
    parents: ['9'.repeat(64)],
    message: `see ${'7'.repeat(64)} and ${hex('c')}\n`,
  });
  assert.equal(text(masked?.content), text(expected));
});
