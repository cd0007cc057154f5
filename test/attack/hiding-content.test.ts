/**
 * Attack: a token in content that is not lines of text, through the whole bastion.
 * 1. Mallory pushes it as UTF-16 of either order, base64, hex, percent, gzip, zip, or one in the other;
 *    behind a NUL byte, in binary data, with CRLF, in the middle of a line of a mebibyte.
 * 2. Or as a delta: copied by an innocent one to a path where nothing is accepted, joined of two halves by copies
 *    alone, or at the end of a chain of fifty deltas.
 * 3. Or wrapped so that nobody opens it: three times, behind a password, in a bomb.
 * What can be read is found. What cannot is refused, with words that help, unless the policy says otherwise.
 * A token that only the program puts together, of two strings, is not found; nothing here says so.
 */
import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { endsWithFile } from '../fault/scene.ts';
import { zipOf } from '../inspect/secrets/made-zip.ts';
import { initBare } from '../support/git.ts';
import { appending, copy, delta, insert, oidOf, refDelta } from '../support/pack-builder.ts';
import { type Hiding, has, hide, noSecrets, token } from './hiding.ts';
import { type MadeFile, pushOfFiles } from './hiding-packs.ts';

const file = endsWithFile();
const text = (n: number): string => `deploy with ${token(n)} as before\n`;
const plain = (n: number): Buffer => Buffer.from(text(n));
const base64 = (content: Buffer): Buffer => Buffer.from(content.toString('base64'));
const hex = (content: Buffer): Buffer => Buffer.from(content.toString('hex'));
const percent = (content: Buffer): Buffer =>
  Buffer.from([...content].map((byte) => `%${byte.toString(16).padStart(2, '0')}`).join(''));
const zip = (content: Buffer): Buffer => zipOf([{ name: 'notes.txt', content }]);
const noise = Buffer.from(Array.from({ length: 4096 }, (_, n) => (n * 7919 + (n >> 3)) & 0xff));
const wrapped = (content: Buffer): Buffer =>
  Buffer.from(content.toString('base64').replace(/(.{64})/g, '$1\n'));

const readable: Readonly<Record<string, (n: number) => Buffer>> = {
  plain,
  crlf: (n) => Buffer.from(`a\r\n${token(n)}\r\n`),
  'utf16-le': (n) => Buffer.from(`\ufeff${text(n)}`, 'utf16le'),
  'utf16-be': (n) => Buffer.from(`\ufeff${text(n)}`, 'utf16le').swap16(),
  'utf16-bare': (n) => Buffer.from(text(n), 'utf16le'),
  base64: (n) => base64(plain(n)),
  'base64-wrapped': (n) => wrapped(Buffer.concat([Buffer.alloc(90, 'x '), plain(n)])),
  'base64-url': (n) => Buffer.from(Buffer.concat([noise, plain(n)]).toString('base64url')),
  hex: (n) => hex(plain(n)),
  percent: (n) => percent(plain(n)),
  gzip: (n) => gzipSync(plain(n)),
  zip: (n) => zip(plain(n)),
  'gzip-in-base64': (n) => base64(gzipSync(plain(n))),
  'base64-in-base64': (n) => base64(base64(plain(n))),
  'utf16-in-zip': (n) => zip(Buffer.from(text(n), 'utf16le')),
  nul: (n) => Buffer.from(`\0${text(n)}`),
  binary: (n) => Buffer.concat([noise, Buffer.from(`\0${token(n)}\0`), noise]),
  'long-line': (n) =>
    Buffer.concat([Buffer.alloc(600_000, 'x'), Buffer.from(` ${token(n)} `), Buffer.alloc(500_000, 'y')]),
};

const unreadable: Readonly<Record<string, Buffer>> = {
  'base64-thrice': base64(base64(base64(plain(90)))),
  'gzip-thrice': gzipSync(gzipSync(gzipSync(plain(91)))),
  locked: zipOf([{ name: 'a', content: plain(92), flags: 1 }]),
  bomb: gzipSync(Buffer.concat([Buffer.alloc(40_000_000), plain(93)])),
};

const filesOf = (contents: Readonly<Record<string, Buffer>>): Record<string, MadeFile> =>
  Object.fromEntries(
    Object.entries(contents).map(([ref, content]) => [ref, { path: `src/${ref}`, content }]),
  );

describe('content that is not lines of text', () => {
  let hiding: Hiding;
  before(async () => {
    hiding = await hide(file);
    await initBare(hiding.bastion.gitDir('web'));
  });

  test('a token is found in every form of it, at its path', async () => {
    const contents = Object.entries(readable).map(([ref, make], n) => [ref, make(n)] as const);
    const { body, oids } = pushOfFiles(filesOf(Object.fromEntries(contents)));
    await hiding.send('web', body);
    const fates = await hiding.fates('web');
    for (const [ref] of contents) {
      assert.deepEqual(fates[ref]?.rules, ['no-secrets'], `${ref}: ${JSON.stringify(fates[ref])}`);
      assert.ok(fates[ref]?.text.includes(` in src/${ref}`), fates[ref]?.text);
      assert.ok(!fates[ref]?.text.includes(token(contents.findIndex(([name]) => name === ref))));
      assert.equal(await has(hiding.bastion.gitDir('web'), oids[ref] ?? ''), false);
    }
  });

  test('what a delta copies, joins or hands down a chain is found at every path', async () => {
    const filler = Array.from({ length: 200 }, (_, n) => `line ${n} is quiet\n`).join('');
    const half = token(41).slice(0, 20);
    const parts = [`${filler}${token(40)}\n`, `${filler}${half}`, ` - ${token(41).slice(20)}\nend\n`];
    const base = Buffer.from(parts.join(''));
    const [first = 0, second = 0] = [parts[0]?.length, (parts[0] ?? '').length + (parts[1] ?? '').length];
    const line = 'an innocent line\n';
    const copied = Buffer.concat([Buffer.from(line), base]);
    const joined = Buffer.concat([base.subarray(first, second), base.subarray(second + 3)]);
    const rest = base.length - second - 3;
    const files: Record<string, MadeFile> = {
      base: { path: 'accepted/a.txt', content: base },
      copied: {
        path: 'b.txt',
        content: copied,
        as: refDelta(
          oidOf('blob', base),
          delta(base.length, copied.length, insert(line), copy(0, base.length)),
        ),
      },
      joined: {
        path: 'c.txt',
        content: joined,
        as: refDelta(
          oidOf('blob', base),
          delta(base.length, joined.length, copy(first, second - first), copy(second + 3, rest)),
        ),
      },
    };
    let last = Buffer.from(filler);
    files['chain-0'] = { path: 'chain.txt', content: last };
    for (let n = 1; n <= 50; n++) {
      const added = n === 50 ? `${token(42)}\n` : `step ${n}\n`;
      const next = Buffer.concat([last, Buffer.from(added)]);
      files[`chain-${n}`] = {
        path: 'chain.txt',
        content: next,
        as: refDelta(oidOf('blob', last), appending(last, added)),
      };
      last = next;
    }
    const path = 'accepted/**';
    await hiding.policy({ rules: [noSecrets], secrets: { allow: [{ path, reason: 'samples' }] } });
    await hiding.send('web', pushOfFiles(files).body);
    const fates = await hiding.fates('web');
    assert.match(fates['copied']?.text ?? '', /in b\.txt:202 of commit/);
    assert.match(fates['joined']?.text ?? '', /in c\.txt:201 of commit/);
    assert.match(fates['chain-50']?.text ?? '', /in chain\.txt:250 of commit/);
    for (const ref of ['base', 'chain-0', 'chain-49'])
      assert.deepEqual(fates[ref]?.rules, ['shared-pack'], `${ref}: ${fates[ref]?.text}`);
    await hiding.policy({});
  });

  test('what nobody can open is refused by name, and says how to go on', async () => {
    const { body } = pushOfFiles(filesOf(unreadable));
    await hiding.send('web', body);
    const fates = await hiding.fates('web');
    for (const ref of Object.keys(unreadable)) {
      assert.deepEqual(fates[ref]?.rules, ['CONTENT_UNSCANNED'], `${ref}: ${JSON.stringify(fates[ref])}`);
      assert.match(fates[ref]?.text ?? '', /make it smaller or leave it out, or ask an administrator$/);
      assert.ok(fates[ref]?.text.includes(`src/${ref}`), fates[ref]?.text);
    }
    await hiding.policy({ checks: { unscanned: 'warn' } });
    const lines = await hiding.send('web', body);
    for (const ref of Object.keys(unreadable)) assert.ok(lines.includes(`ok refs/heads/${ref}`), ref);
  });

  test('without the rule all that can be read goes through', async () => {
    await hiding.policy({ rules: [] });
    const contents = Object.entries(readable).map(([ref, make], n) => [ref, make(n)] as const);
    const lines = await hiding.send('web', pushOfFiles(filesOf(Object.fromEntries(contents))).body);
    for (const [ref] of contents) assert.ok(lines.includes(`ok refs/heads/${ref}`), lines.join('\n'));
  });
});
