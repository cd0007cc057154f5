import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { encodePkt, PktReader } from '../../src/git/pkt-line.ts';
import {
  type AckMode,
  AckWriter,
  asksToDeepen,
  checkRoundEnd,
  formatShallowInfo,
  readHaves,
  readUploadRequest,
} from '../../src/git/upload-request.ts';
import { anyBytes, cut, cuts, outcome, stream } from './pieces.ts';
import { RealRepository } from './real-git.ts';

const source = {
  objectFormat: 'sha1',
  filter: true,
  shallow: true,
  unborn: true,
  waitForDone: true,
} as const;
const limits = { lines: 100, bytes: 100_000 };
const one = '1'.repeat(40);
const two = '2'.repeat(40);

const said = (...lines: string[]) =>
  Buffer.concat(lines.map((line) => (/^000[012]$/.test(line) ? Buffer.from(line) : encodePkt(`${line}\n`))));
const reader = (bytes: Buffer, lengths: readonly number[] = []) =>
  new PktReader(stream(cut(bytes, lengths)), 'client');
const read = (...lines: string[]) => readUploadRequest(reader(said(...lines)), source, limits);

test('wants, capabilities, depth and filter are read up to their flush-pkt, and nothing after it', async () => {
  const capabilities =
    'multi_ack_detailed no-done side-band-64k thin-pack no-progress include-tag ofs-delta agent=git/2';
  const bytes = said(
    `want ${one} ${capabilities}`,
    `want ${two}`,
    `want ${two}`,
    `shallow ${two}`,
    'deepen-since 1700000000',
    'deepen-not refs/heads/old',
    'filter blob:none',
    '0000',
    'done',
  );
  const input = reader(bytes, [3, 60, 1]);
  assert.deepEqual(await readUploadRequest(input, source, limits), {
    wants: [one, two],
    shallow: [two],
    deepenSince: 1700000000,
    deepenNot: ['refs/heads/old'],
    deepenRelative: false,
    filter: 'blob:none',
    ackMode: 'multi_ack_detailed',
    noDone: true,
    sideband: 'side-band-64k',
    thinPack: true,
    ofsDelta: true,
    noProgress: true,
    includeTag: true,
    agent: 'git/2',
  });
  assert.deepEqual(await readHaves(input, 'sha1', limits), { haves: [], end: 'done' });
});

test('a client that wants nothing is told apart from one that is wrong', async () => {
  assert.equal(await read(), null);
  assert.equal(await read('0000'), null);
  const plain = await read(`want ${one}`, '0000');
  assert.equal(plain?.ackMode, 'none');
  assert.equal(plain?.sideband, 'none');
  assert.equal(plain !== null && asksToDeepen(plain), false);
  const deep = await read(`want ${one} multi_ack side-band`, 'deepen 3', '0000');
  assert.ok(deep !== null && asksToDeepen(deep));
  assert.equal(deep.ackMode, 'multi_ack');
});

test('lines that do not belong there are refused', async () => {
  const refused: readonly (readonly string[])[] = [
    [`have ${one}`, '0000'],
    [`shallow ${one}`, `want ${one}`, '0000'],
    [`want ${one.slice(1)}`, '0000'],
    [`want ${'A'.repeat(40)}`, '0000'],
    [`want ${one}`, `want ${two} multi_ack`, '0000'],
    [`want ${one} object-format=sha256`, '0000'],
    [`want ${one}`, 'deepen -1', '0000'],
    [`want ${one}`, 'deepen 1', 'deepen-since 5', '0000'],
    [`want ${one}`, 'deepen-not --all', '0000'],
    [`want ${one}`, 'filter nonsense', '0000'],
    [`want ${one}`, 'done', '0000'],
    [`want ${one}\u0000x`, '0000'],
  ];
  for (const lines of refused) {
    await assert.rejects(read(...lines), { code: 'PROTOCOL_ERROR', blame: 'client' }, lines.join(' | '));
  }
  await assert.rejects(read(`want ${one}`, '0001'), { code: 'PKT_UNEXPECTED' });
  await assert.rejects(read(`want ${one}`), { code: 'HUNG_UP' });
  const poor = { ...source, filter: false, shallow: false };
  for (const line of ['filter blob:none', 'deepen 1', `shallow ${one}`]) {
    const run = readUploadRequest(reader(said(`want ${one}`, line, '0000')), poor, limits);
    await assert.rejects(run, { code: 'PROTOCOL_ERROR' }, line);
  }
});

test('wants and haves are limited, and any bytes give a request or a coded error', async () => {
  const many = Array.from({ length: 200 }, () => `have ${one}`);
  await assert.rejects(readHaves(reader(said(...many)), 'sha1', limits), { code: 'LIMIT_EXCEEDED' });
  await fc.assert(
    fc.asyncProperty(fc.array(anyBytes, { maxLength: 5 }), cuts, async (lines, lengths) => {
      const bytes = Buffer.concat([encodePkt(`want ${one}\n`), ...lines.map(encodePkt), Buffer.from('0000')]);
      await outcome(() => readUploadRequest(reader(bytes, lengths), source, limits));
      await outcome(() => readHaves(reader(bytes.subarray(50), lengths), 'sha1', limits));
    }),
  );
});

test('only a stateless client may leave between rounds, and nobody inside one', async () => {
  const round = await readHaves(reader(Buffer.alloc(0)), 'sha1', limits);
  assert.deepEqual(round, { haves: [], end: 'eof' });
  checkRoundEnd(round, true);
  assert.throws(() => checkRoundEnd(round, false), { code: 'HUNG_UP' });
  await assert.rejects(readHaves(reader(said(`have ${one}`)), 'sha1', limits), { code: 'HUNG_UP' });
  await assert.rejects(readHaves(reader(said(`want ${one}`)), 'sha1', limits), { code: 'PROTOCOL_ERROR' });
});

test('shallow lines are followed by a flush-pkt', () => {
  const bytes = formatShallowInfo({ shallow: [one], unshallow: [two] });
  assert.equal(bytes.toString(), `0034shallow ${one}0036unshallow ${two}0000`);
});

/** Takes a pack off the end of an answer: with sidebands off it begins with PACK. */
const acksOf = (answer: Buffer) => {
  const pack = answer.indexOf('PACK');
  return { acks: answer.toString('latin1', 0, pack < 0 ? answer.length : pack), pack: pack >= 0 };
};

test('acks are those of a real upload-pack, in every mode', async (t) => {
  const repository = await RealRepository.make(t);
  const first = await repository.commit('refs/heads/main', 'one');
  const second = await repository.commit('refs/heads/main', 'two', first);
  const main = await repository.commit('refs/heads/main', 'three', second);
  const unknown = 'f'.repeat(40);
  const rounds: readonly { haves: string[]; end: 'flush' | 'done' }[][] = [
    [{ haves: [], end: 'done' }],
    [{ haves: [unknown], end: 'done' }],
    [{ haves: [unknown], end: 'flush' }],
    [{ haves: [first, second], end: 'done' }],
    [{ haves: [second], end: 'flush' }],
    [{ haves: [first, second], end: 'flush' }],
  ];
  for (const mode of ['', 'multi_ack', 'multi_ack_detailed', 'multi_ack_detailed no-done']) {
    for (const [round] of rounds) {
      if (round === undefined) continue;
      const lines = round.haves.map((oid) => `have ${oid}`);
      const ask = said(
        `want ${main} ofs-delta ${mode}`,
        '0000',
        ...lines,
        round.end === 'done' ? 'done' : '0000',
      );
      const real = acksOf(await repository.answer(['upload-pack', '--stateless-rpc'], ask));
      const noDone = mode.endsWith('no-done');
      const writer = new AckWriter({
        mode: (mode.split(' ')[0] || 'none') as AckMode,
        noDone,
        stateless: true,
      });
      const common = round.haves.filter((oid) => oid !== unknown);
      const { bytes, next } = writer.round(round.end, common, common.length > 0);
      const label = `${mode}: ${round.haves.length} haves, ${round.end}`;
      assert.equal(bytes.toString(), real.acks, label);
      assert.equal(next === 'pack', real.pack, label);
    }
  }
});

test('without multi_ack only the first common oid is acknowledged over all rounds', () => {
  const writer = new AckWriter({ mode: 'none', noDone: false, stateless: false });
  assert.deepEqual(writer.round('flush', [], false), { bytes: said('NAK'), next: 'round' });
  assert.deepEqual(writer.round('flush', [one], false), { bytes: said(`ACK ${one}`), next: 'round' });
  assert.deepEqual(writer.round('flush', [two], false), { bytes: Buffer.alloc(0), next: 'round' });
  assert.deepEqual(writer.round('done', [], false), { bytes: Buffer.alloc(0), next: 'pack' });
});
