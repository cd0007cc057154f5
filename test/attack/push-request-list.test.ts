/**
 * A client writes a list of ref updates that git's receive-pack takes otherwise than a reader expects.
 * 1. It ends the list with 0001, 0002 or 0003, so that what follows is read as a command by one side only.
 * 2. It puts capabilities on a later line, NULs into names, or upper-case digits into oids and lengths.
 * 3. It hides ancestry with shallow lines, or a second list of updates in a push certificate.
 * 4. It names one ref twice: a deletion and a creation together are a force push.
 * The list is read strictly; whatever is read is written anew before it goes on.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { encodePkt, PktReader } from '../../src/git/pkt-line.ts';
import { type PushRequestOptions, readPushRequest } from '../../src/git/push-request.ts';

const zero = '0'.repeat(40);
const one = '1'.repeat(40);
const two = '2'.repeat(40);
const options: PushRequestOptions = {
  capabilities: { objectFormat: 'sha1', atomic: false, pushOptions: false, deleteRefs: true },
  limits: { lines: 4, bytes: 2000 },
  optionLimits: { lines: 2, bytes: 200 },
  shallow: 'refuse',
};
const withOptions = { ...options, capabilities: { ...options.capabilities, pushOptions: true } };

async function* pieces(bytes: Buffer) {
  yield bytes;
}
const read = (lines: readonly (string | Buffer)[], how: PushRequestOptions = options) => {
  const bytes = lines.map((line) =>
    /^000[0-4]$/.test(String(line)) ? Buffer.from(String(line)) : encodePkt(line),
  );
  return readPushRequest(new PktReader(pieces(Buffer.concat(bytes)), 'client'), how);
};
const first = `${zero} ${one} refs/heads/a\0 report-status side-band-64k object-format=sha1`;

test('only a flush-pkt ends the list', async () => {
  await assert.rejects(read([first, '0001']), { code: 'PKT_UNEXPECTED', blame: 'client' });
  await assert.rejects(read([first, '0002']), { code: 'PKT_UNEXPECTED', blame: 'client' });
  await assert.rejects(read([first, '0003']), { code: 'PKT_LENGTH', blame: 'client' });
  await assert.rejects(read(['0001']), { code: 'PKT_UNEXPECTED' });
  await assert.rejects(read([first, '0004', '0000']), { code: 'PUSH_REQUEST_INVALID' });
  await assert.rejects(read([first]), { code: 'HUNG_UP' });
});

test('a length is four lower-case hex digits', async () => {
  for (const prefix of ['00a ', '0x1f', '003F', '+03f', '٣٣٣٣']) {
    const reader = new PktReader(pieces(Buffer.from(`${prefix}${first}0000`)), 'client');
    await assert.rejects(readPushRequest(reader, options), { code: 'PKT_LENGTH' }, prefix);
  }
});

test('a ref that is named twice is refused, whatever the two updates are', async () => {
  const both = [`${one} ${zero} refs/heads/a\0 report-status`, `${zero} ${two} refs/heads/a`, '0000'];
  await assert.rejects(read(both), { code: 'REF_TWICE', blame: 'client' });
  await assert.rejects(read([first, `${zero} ${one} refs/heads/a`, '0000']), { code: 'REF_TWICE' });
});

test('a line that is not old oid, new oid and name is refused', async () => {
  const lines: readonly (string | Buffer)[] = [
    `${zero} ${one}`,
    `${zero} ${one} `,
    `${zero} ${'A'.repeat(40)} refs/heads/b`,
    `${zero} ${'1'.repeat(39)} refs/heads/b`,
    `${zero} ${'1'.repeat(64)} refs/heads/b`,
    `${zero}  ${one} refs/heads/b`,
    ` ${zero} ${one} refs/heads/b`,
    `${zero}\t${one}\trefs/heads/b`,
    `${zero} ${one} refs/heads/b\0 atomic`,
    `${zero} ${one} refs/heads/b\n${zero} ${one} refs/heads/c`,
    `${zero} ${one} refs/heads/b refs/heads/c`,
    `${zero} ${zero} refs/heads/b`,
    Buffer.from(`${zero} ${one} refs/heads/\xff`, 'latin1'),
    '',
  ];
  for (const line of lines) {
    const refused = { code: 'PUSH_REQUEST_INVALID', blame: 'client' } as const;
    if (line !== '') await assert.rejects(read([first, line, '0000']), refused, JSON.stringify(String(line)));
  }
  await assert.rejects(read([`${first}\0refs/heads/b`, '0000']), { code: 'PROTOCOL_ERROR' });
});

test('shallow lines are refused, or take no part in what is judged and relayed', async () => {
  const lines = [`shallow ${two}`, first, '0000'];
  await assert.rejects(read(lines), { code: 'PUSH_REQUEST_INVALID', message: /unshallow/ });
  const request = await read(lines, { ...options, shallow: 'drop' });
  assert.deepEqual(request?.updates, [{ ref: 'refs/heads/a', oldOid: zero, newOid: one }]);
  const late = read([first, `shallow ${two}`, '0000'], { ...options, shallow: 'drop' });
  await assert.rejects(late, { code: 'PUSH_REQUEST_INVALID' });
  await assert.rejects(read([`shallow ${two}`, '0000'], { ...options, shallow: 'drop' }), {
    code: 'PUSH_REQUEST_INVALID',
  });
});

test('push certificates are refused, and never half-believed', async () => {
  const refused = { code: 'PUSH_CERT_UNSUPPORTED', blame: 'client' } as const;
  await assert.rejects(
    read(['push-cert\0 report-status', 'certificate version 0.1', 'push-cert-end', '0000']),
    refused,
  );
  await assert.rejects(read([first, 'push-cert', '0000']), refused);
  await assert.rejects(read([`${zero} ${one} refs/heads/a\0 push-cert=nonce`, '0000']), refused);
});

test('capabilities that were not offered and would change the push are refused', async () => {
  for (const word of ['atomic', 'push-options', 'object-format=sha256', 'object-format=md5']) {
    const line = `${zero} ${one} refs/heads/a\0 report-status ${word}`;
    await assert.rejects(read([line, '0000', '0000']), { code: 'PUSH_REQUEST_INVALID' }, word);
  }
});

test('push options come only where they were offered, as single lines, and are limited', async () => {
  const line = `${zero} ${one} refs/heads/a\0 report-status push-options`;
  const request = await read([line, '0000', 'ci.skip', '0000'], withOptions);
  assert.deepEqual(request?.pushOptions, ['ci.skip']);
  for (const option of ['a\nb', 'a\0b', 'a\u001b[2J']) {
    await assert.rejects(read([line, '0000', option, '0000'], withOptions), { code: 'PROTOCOL_ERROR' });
  }
  await assert.rejects(read([line, '0000', 'a', 'b', 'c', '0000'], withOptions), { code: 'LIMIT_EXCEEDED' });
  await assert.rejects(read([line, '0000', 'a'.repeat(300), '0000'], withOptions), {
    code: 'LIMIT_EXCEEDED',
  });
  await assert.rejects(read([line, '0000', 'a', '0001'], withOptions), { code: 'PKT_UNEXPECTED' });
  await assert.rejects(read([line, '0000', 'a'], withOptions), { code: 'HUNG_UP' });
});

test('the list is limited in commands and in bytes', async () => {
  const many = Array.from({ length: 9 }, (_, i) => `${zero} ${one} refs/heads/b${i}`);
  await assert.rejects(read([first, ...many, '0000']), { code: 'LIMIT_EXCEEDED', blame: 'client' });
  await assert.rejects(read([`${first} ${'x'.repeat(3000)}`, '0000']), { code: 'LIMIT_EXCEEDED' });
});
