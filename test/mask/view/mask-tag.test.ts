import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { checkTag } from '../../../src/git/object.ts';
import type { ViewOf } from '../../../src/mask/view/view-function.ts';
import { tokens, viewFunction } from './view-samples.ts';

const hex = (digit: string): string => digit.repeat(40);
const nobody: ViewOf = () => undefined;
// A view is an original nowhere: were it one, it would have a view of its own.
const mapped: ViewOf = (oid) => ({ [hex('a')]: hex('9'), [hex('9')]: hex('5') })[oid];
const view = viewFunction();
const token = tokens.find((one) => /^[a-z]+_[A-Za-z0-9]+$/.test(one)) ?? '';
const text = (content: Buffer | undefined): string => content?.toString('latin1') ?? '';

const signature = (kind = 'PGP SIGNATURE'): string =>
  `-----BEGIN ${kind}-----\n\niQEzBAABCAAdFiEE\n=abcd\n-----END ${kind}-----\n`;

interface Made {
  object?: string;
  type?: string;
  name?: string;
  tagger?: string;
  body?: string;
}

const tagOf = ({
  object = hex('a'),
  type = 'commit',
  name = 'v1',
  tagger,
  body = '\nwords\n',
}: Made): Buffer =>
  Buffer.from(
    `object ${object}\ntype ${type}\ntag ${name}\ntagger ${tagger ?? 'Ann <ann@acme.io>'} 1700000000 +0100\n${body}`,
    'latin1',
  );

test('a tag of what is shown is the same, with its signature', () => {
  assert.equal(view.tag(tagOf({ body: `\nwords\n${signature()}` }), nobody), undefined);
});

test('a tag of an affected commit, tree, blob or tag names its view', () => {
  for (const type of ['commit', 'tree', 'blob', 'tag']) {
    const body = '\ncaf\xe9\n\nno end';
    const masked = view.tag(tagOf({ type, body }), mapped);
    assert.equal(text(masked?.content), text(tagOf({ object: hex('9'), type, body })));
  }
});

test('an affected tag loses its signatures for a last line, and twins that differ in them alone stay different', () => {
  const bodies = [
    '\nwords\n',
    `\nwords\n${signature()}`,
    `\nwords\n${signature('SSH SIGNATURE')}`,
    `\nwords\n${signature()}${signature()}`,
    `gpgsig-sha256 a\n b\n\nwords\n${signature()}`,
    'gpgsig-sha256 a\n b\n\nwords\n',
    'gpgsig-sha256 a\n b\n\nwords',
    'gpgsig-sha256 a\n b\n\n',
    'gpgsig-sha256 a\n b\n',
    `\n${signature()}`,
    '\n',
    '',
  ];
  const views = bodies.map((body) => {
    const shown = text(view.tag(tagOf({ body }), mapped)?.content);
    checkTag(Buffer.from(shown, 'latin1'), 'sha1');
    assert.doesNotMatch(shown, /gpgsig|BEGIN/);
    assert.equal(/\nrefgate-unsigned [0-9a-f]{32}\n$/.test(shown), /gpgsig|BEGIN/.test(body));
    return shown;
  });
  assert.equal(new Set(views).size, bodies.length);
});

test('an original that ends as ours do is affected itself, so that no two tags have one view', () => {
  const shown = text(view.tag(tagOf({ body: `\nwords\n${signature()}` }), mapped)?.content);
  const line = /refgate-unsigned .*\n/.exec(shown)?.[0] ?? '';
  const written = tagOf({ object: hex('9'), body: `\nwords\n${line}` });
  assert.equal(text(written), shown);
  assert.notEqual(text(view.tag(written, nobody)?.content), shown);
});

test('secrets in the name, the tagger and the message are masked, and the tag stays well-formed', () => {
  const made = tagOf({
    name: `v1-${token}`,
    tagger: `Ann ${token} <ann@acme.io>`,
    body: `\nuse ${token} now\n${signature()}`,
  });
  const masked = view.tag(made, nobody);
  const shown = text(masked?.content);
  checkTag(Buffer.from(shown, 'latin1'), 'sha1');
  assert.equal(shown.includes(token), false);
  assert.match(shown, /^object a{40}\ntype commit\ntag v1-REDACTED-/);
  assert.equal(masked?.whole, undefined);
  for (const { start, end, viewStart, viewEnd, placeholder, secret } of masked?.spans ?? []) {
    assert.equal(text(made.subarray(start, end)), text(secret));
    assert.equal(shown.slice(viewStart, viewEnd), placeholder);
  }
});

test('ids in the message become those of the view where they are asked for', () => {
  const made = tagOf({ body: `\nsee ${hex('c')}\n` });
  const viewOfAncestor: ViewOf = (oid) => (oid === hex('c') ? hex('7') : undefined);
  const named = { viewOfAncestor, isAffected: (oid: string) => oid === hex('c') };
  assert.match(text(view.tag(made, mapped, named)?.content), /see 7{40}\n$/);
  assert.match(text(view.tag(made, mapped)?.content), /see c{40}\n$/);
});

test('a tag that names an affected object in any of its lines is affected, and shows an alias', () => {
  const named = { viewOfAncestor: nobody, isAffected: (oid: string) => oid === hex('f') };
  for (const made of [
    tagOf({ object: hex('d'), body: `\nsee ${hex('f')}\n` }),
    tagOf({ object: hex('d'), body: `\nsee ${hex('F')}\n${signature()}` }),
    tagOf({ object: hex('d'), name: hex('f') }),
    tagOf({
      object: hex('d'),
      tagger: `tagger ${hex('f')} <t@acme.io> 1700000000 +0000\nobject ${hex('f')}\n`,
    }),
  ]) {
    const shown = text(view.tag(made, nobody, named)?.content);
    assert.doesNotMatch(shown, /f{40}|F{40}/);
    assert.match(shown, /REDACTED-oid-[0-9a-f]{16}/);
  }
  assert.equal(view.tag(tagOf({ object: hex('d'), body: `\n${hex('f')}f\n` }), nobody, named), undefined);
});

test('what cannot be searched shows nothing of the tag but what it names and its time', () => {
  const masked = view.tag(
    tagOf({ body: `\n${tokens.concat(tokens, tokens, tokens, tokens, tokens).join('\n').repeat(8)}` }),
    mapped,
  );
  const shown = text(masked?.content);
  checkTag(Buffer.from(shown, 'latin1'), 'sha1');
  assert.match(
    shown,
    /^object 9{40}\ntype commit\ntag REDACTED-unscanned-[0-9a-f]{16}\ntagger .* 1700000000 \+0100\n\nREDACTED-/,
  );
});

test('two tags never have one view', () => {
  const pieces = fc.constantFrom(
    signature(),
    'refgate-unsigned 0123456789abcdef0123456789abcdef\n',
    'refgate-unsigned 0123456789abcdef0123456789abcdef',
    `x ${token}\n`,
    'words\n',
    'word',
    '\n',
    '-----BEGIN PGP SIGNATURE-----\n',
  );
  const headers = fc.constantFrom('', 'gpgsig a\n b\n', 'gpgsig a\n', 'x a\n');
  const bodies = fc
    .tuple(headers, fc.constantFrom('', '\n'), fc.array(pieces, { maxLength: 4 }))
    .map(([header, blank, parts]) => header + blank + parts.join(''));
  const seen = new Map<string, string>();
  const see = (content: Buffer): Buffer => {
    const shown = view.tag(content, mapped)?.content ?? content;
    const known = seen.get(text(shown));
    if (known !== undefined) assert.equal(known, text(content));
    seen.set(text(shown), text(content));
    return shown;
  };
  fc.assert(
    fc.property(bodies, (body) => {
      see(see(tagOf({ body })));
    }),
    { numRuns: 500 },
  );
});
