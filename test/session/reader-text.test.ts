import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RefgateError } from '../../src/domain/error.ts';
import type { MaskedViews, ViewKey } from '../../src/domain/mask.ts';
import { ReaderText } from '../../src/session/reader-text.ts';

const original = 'abcdef0123'.repeat(4);
const shown = '9876543210'.repeat(4);

/** Views that know one original. */
const views = {
  textFor: async (_: ViewKey, text: string) => text.replaceAll(original, shown),
} as Partial<MaskedViews> as MaskedViews;

const view: ViewKey = { repo: 'acme/web', target: { upstream: 'u', path: 'acme/web' }, mode: 'masked' };

test('an original is told as the view has it, and a word of the client stays as the client wrote it', async () => {
  const guess = `refs/heads/x-${original}`;
  const reader = new ReaderText(views, view);
  reader.brought([]);
  assert.equal(await reader.of(`hook: ${original}`), `hook: ${shown}`);
  reader.keep(guess);
  // Were it told in another form, the client would know that it had guessed right.
  assert.equal(await reader.of(`denied: ${guess.toUpperCase()}`), `denied: ${guess.toUpperCase()}`);
});

test('a word of what was pushed stays as well', async () => {
  const reader = new ReaderText(views, view);
  reader.brought([original]);
  assert.equal(await reader.of(`your message says ${original}`), `your message says ${original}`);
});

test('before it is known what the client brought, and where that is too much, no oid is told', async () => {
  const reader = new ReaderText(views, view);
  assert.equal(await reader.of(`${original} or ${shown}`), '[oid] or [oid]');
  reader.brought(undefined);
  assert.equal(await reader.of(`${original} or ${shown}`), '[oid] or [oid]');
});

test('errors about what the client wrote are its own; those about the upstream never are', () => {
  const reader = new ReaderText(views, view);
  assert.ok(reader.isOwn(new RefgateError('REF_NAME_INVALID', 'client')));
  assert.ok(!reader.isOwn(new RefgateError('UPSTREAM_REFUSED', 'upstream')));
  reader.brought(undefined);
  assert.ok(!reader.isOwn(new RefgateError('TIP_MOVED', 'client')));
  assert.ok(reader.isOwn(new RefgateError('VIEW_NEW_SECRET', 'client')));
});

test('marks of ours in a text do not bring in other words', async () => {
  const reader = new ReaderText(views, view);
  reader.brought([original]);
  assert.equal(await reader.of(`\u{f0000}0\u{f0001} ${original}`), `?0? ${original}`);
});
