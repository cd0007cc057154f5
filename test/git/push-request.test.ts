import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import type { RefUpdate } from '../../src/domain/git.ts';
import { readAdvertisement } from '../../src/git/advertisement.ts';
import { Capabilities } from '../../src/git/capabilities.ts';
import { encodePkt, PktReader } from '../../src/git/pkt-line.ts';
import { formatPushCommand } from '../../src/git/push-command.ts';
import { PushRequestReader, readPushRequest } from '../../src/git/push-request.ts';
import { formatReportStatus, readReportStatus } from '../../src/git/report-status.ts';
import { bandOne, demux } from '../../src/git/sideband.ts';
import { anyBytes, collect, cut, cuts, outcome, stream } from './pieces.ts';
import { RealRepository } from './real-git.ts';

const zero = '0'.repeat(40);
const one = '1'.repeat(40);
const two = '2'.repeat(40);
const options = {
  capabilities: { objectFormat: 'sha1', atomic: true, pushOptions: true, deleteRefs: true },
  limits: { lines: 100, bytes: 100_000 },
  optionLimits: { lines: 3, bytes: 1000 },
  shallow: 'refuse',
} as const;
const everything = Capabilities.parse(
  'report-status report-status-v2 side-band-64k quiet atomic push-options object-format=sha1 agent=git/2',
  'upstream',
);

const oid = fc.stringMatching(/^[0-9a-f]{39}[1-9a-f]$/);
const update: fc.Arbitrary<RefUpdate> = fc
  .tuple(
    fc.stringMatching(/^refs\/(heads|tags)\/[a-zé]{1,8}\/[a-z0-9]{1,8}x$/),
    oid,
    oid,
    fc.integer({ min: 0, max: 2 }),
  )
  .map(([ref, a, b, kind]) => ({ ref, oldOid: kind === 0 ? zero : a, newOid: kind === 1 ? zero : b }));
const updates = fc.uniqueArray(update, { selector: ({ ref }) => ref, minLength: 1, maxLength: 8 });
const pushOptions = fc.array(fc.stringMatching(/^[a-zé =]{0,20}$/), { maxLength: 3 });

test('a request that is written is read back, however the stream is cut, and the pack is left alone', async () => {
  const flags = fc.record({ atomic: fc.boolean(), quiet: fc.boolean() });
  await fc.assert(
    fc.asyncProperty(
      updates,
      pushOptions,
      flags,
      anyBytes,
      cuts,
      async (list, words, { atomic, quiet }, pack, lengths) => {
        const order = { updates: list, pushOptions: words, atomic, quiet, objectFormat: 'sha1' } as const;
        const bytes = Buffer.concat([formatPushCommand(order, everything, 'refgate/0'), pack]);
        const reader = new PktReader(stream(cut(bytes, lengths)), 'client');
        assert.deepEqual(await readPushRequest(reader, options), {
          ...order,
          report: 'v2',
          sideband: true,
          agent: 'refgate/0',
          hasPack: list.some(({ newOid }) => newOid !== zero),
        });
        assert.deepEqual(Buffer.concat(await collect(reader.rest())), pack);
      },
    ),
    { numRuns: 200 },
  );
});

test('a client that has nothing to push is told apart', async () => {
  for (const bytes of ['', '0000']) {
    assert.equal(await readPushRequest(new PktReader(stream([Buffer.from(bytes)]), 'client'), options), null);
  }
});

test('a client without capabilities is understood', async () => {
  const bytes = Buffer.concat([encodePkt(`${zero} ${one} refs/heads/a`), Buffer.from('0000')]);
  assert.deepEqual(await readPushRequest(new PktReader(stream([bytes]), 'client'), options), {
    updates: [{ ref: 'refs/heads/a', oldOid: zero, newOid: one }],
    pushOptions: [],
    atomic: false,
    quiet: false,
    report: 'none',
    sideband: false,
    objectFormat: 'sha1',
    hasPack: true,
  });
});

test("without an advertisement at hand the client's object format holds for the whole list", async () => {
  const { objectFormat: _, ...capabilities } = options.capabilities;
  const read = (...lines: string[]) => {
    const bytes = Buffer.concat([...lines.map(encodePkt), Buffer.from('0000')]);
    return readPushRequest(new PktReader(stream([bytes]), 'client'), { ...options, capabilities });
  };
  const long = '1'.repeat(64);
  const request = await read(`${'0'.repeat(64)} ${long} refs/heads/a\0 object-format=sha256`);
  assert.equal(request?.objectFormat, 'sha256');
  assert.equal((await read(`${zero} ${one} refs/heads/a`))?.objectFormat, 'sha1');
  const refused = { code: 'PUSH_REQUEST_INVALID' } as const;
  await assert.rejects(read(`${zero} ${long} refs/heads/a`), refused);
  await assert.rejects(read(`${zero} ${one} refs/heads/a\0 object-format=sha256`), refused);
  await assert.rejects(read(`${zero} ${one} refs/heads/a`, `${zero} ${long} refs/heads/b`), refused);
});

test('any bytes give a request or a coded error', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(anyBytes, { maxLength: 4 }), cuts, async (lines, lengths) => {
      const bytes = Buffer.concat([...lines.map(encodePkt), Buffer.from('0000')]);
      const reader = () => new PktReader(stream(cut(bytes, lengths)), 'client');
      await outcome(() => readPushRequest(reader(), options));
      await outcome(() => readReportStatus(new PktReader(stream([bytes]), 'upstream'), ['refs/heads/a']));
    }),
  );
});

test('a refused request still tells how its client wants to be answered', async () => {
  const bytes = Buffer.concat([
    encodePkt(`${zero} ${one} refs/heads/a\0 report-status side-band-64k`),
    encodePkt(`${zero} ${one} refs/notes/x`),
    encodePkt(`${zero} ${one} refs/heads/b`),
    Buffer.from('0000PACK'),
  ]);
  const input = new PktReader(stream([bytes]), 'client');
  const request = new PushRequestReader(input, options);
  await assert.rejects(request.read(), { code: 'REF_NAMESPACE' });
  const refs = ['refs/heads/a', 'refs/notes/x', 'refs/heads/b'];
  assert.deepEqual(request.reply, { report: 'v1', sideband: true, refs, complete: true });
  assert.equal(Buffer.concat(await collect(input.rest())).toString(), 'PACK');
});

test('nothing is asked of an upstream that it does not offer', () => {
  const order = {
    updates: [{ ref: 'refs/heads/a', oldOid: zero, newOid: one }],
    pushOptions: [],
    atomic: false,
    quiet: true,
    objectFormat: 'sha1',
  } as const;
  const plain = Capabilities.parse('report-status', 'upstream');
  assert.match(formatPushCommand(order, plain, 'refgate/0').toString(), /\0 report-status0000$/);
  assert.throws(() => formatPushCommand({ ...order, atomic: true }, plain, 'a'), {
    code: 'UPSTREAM_REFUSED',
  });
  assert.throws(() => formatPushCommand({ ...order, pushOptions: ['x'] }, plain, 'a'), {
    code: 'UPSTREAM_REFUSED',
  });
  assert.throws(() => formatPushCommand(order, Capabilities.parse('', 'upstream'), 'a'), {
    code: 'UPSTREAM_PROTOCOL',
  });
});

test('a real receive-pack takes our commands, and we its report', async (t) => {
  const repository = await RealRepository.make(t);
  const main = await repository.commit('refs/heads/main', 'one');
  await repository.git('update-ref', 'refs/heads/old', main);
  const info = await repository.answer(['receive-pack', '--http-backend-info-refs'], Buffer.alloc(0));
  const advertisement = await readAdvertisement(new PktReader(stream([info]), 'upstream'));
  await collect(advertisement.refs);
  const list = [
    { ref: 'refs/heads/old', oldOid: main, newOid: zero },
    { ref: 'refs/heads/main', oldOid: two, newOid: zero },
  ];
  const order = {
    updates: list,
    pushOptions: [],
    atomic: false,
    quiet: false,
    objectFormat: 'sha1',
  } as const;
  const bytes = formatPushCommand(order, advertisement.capabilities, 'refgate/0');
  const answer = await repository.answer(['receive-pack', '--stateless-rpc'], bytes);
  const bands = bandOne(demux(new PktReader(stream([answer]), 'upstream')), () => undefined);
  const report = await readReportStatus(
    new PktReader(bands, 'upstream'),
    list.map(({ ref }) => ref),
  );
  assert.equal(report.unpack, 'ok');
  assert.deepEqual(report.reports[0], { ref: 'refs/heads/old', ok: true });
  assert.equal(report.reports[1]?.ok, false);
  assert.equal(await repository.git('for-each-ref', '--format=%(refname)'), 'refs/heads/main');
});

const readReport = (lines: readonly string[], refs: readonly string[]) => {
  const bytes = Buffer.concat([...lines.map((line) => encodePkt(`${line}\n`)), Buffer.from('0000')]);
  return readReportStatus(new PktReader(stream([bytes]), 'upstream'), refs);
};

test('a report is read, cleaned, and written for the client in its version', async () => {
  const lines = [
    'unpack ok',
    'ok refs/heads/a',
    'option refname refs/heads/z',
    'option forced-update',
    'ng refs/heads/b no \u001b[31mway',
  ];
  const report = await readReport(lines, ['refs/heads/a', 'refs/heads/b', 'refs/heads/c']);
  assert.deepEqual(report, {
    unpack: 'ok',
    reports: [
      { ref: 'refs/heads/a', ok: true, options: ['refname refs/heads/z', 'forced-update'] },
      { ref: 'refs/heads/b', ok: false, reason: 'no ?[31mway' },
      { ref: 'refs/heads/c', ok: false, reason: 'no report from upstream' },
    ],
  });
  const refs = report.reports.map(({ ref }) => ref);
  const back = await readReportStatus(
    new PktReader(stream([formatReportStatus(report, 'v2')]), 'upstream'),
    refs,
  );
  assert.deepEqual(back, report);
  assert.doesNotMatch(formatReportStatus(report, 'v1').toString(), /option/);
  assert.equal(formatReportStatus(report, 'none').length, 0);
});

test('a report that speaks of other refs, twice of one, or in no order is refused', async () => {
  const refused: readonly (readonly string[])[] = [
    [],
    ['ok refs/heads/a'],
    ['unpack ok', 'ok refs/heads/other'],
    ['unpack ok', 'ok refs/heads/a', 'ng refs/heads/a no'],
    ['unpack ok', 'option refname refs/heads/a'],
    ['unpack ok', 'ng refs/heads/a no', 'option forced-update'],
    ['unpack ok', 'ok refs/heads/a', 'option shell x'],
    ['unpack ok', 'ok refs/heads/a', 'option refname a\u001b'],
    ['unpack ok', 'maybe refs/heads/a'],
  ];
  for (const lines of refused) {
    await assert.rejects(
      readReport(lines, ['refs/heads/a']),
      { code: 'UPSTREAM_PROTOCOL' },
      lines.join(' | '),
    );
  }
});
