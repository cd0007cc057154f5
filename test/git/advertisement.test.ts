import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import * as fc from 'fast-check';
import type { AdvertisedRef } from '../../src/domain/git.ts';
import {
  readServicePrelude,
  receivePackCapabilities,
  servicePrelude,
  uploadPackCapabilities,
  writeAdvertisement,
} from '../../src/git/advertise.ts';
import { pushCapabilities, readAdvertisement } from '../../src/git/advertisement.ts';
import { encodePkt, flushPkt, PktReader } from '../../src/git/pkt-line.ts';
import { anyBytes, collect, cut, cuts, outcome, stream } from './pieces.ts';
import { RealRepository } from './real-git.ts';

const sample = async (t: TestContext) => {
  const repository = await RealRepository.make(t);
  const main = await repository.commit('refs/heads/main', 'one');
  await repository.git('update-ref', 'refs/heads/topic/ünï', main);
  await repository.git('tag', '-a', '-m', 'first', 'v1', main);
  return { repository, main, tag: await repository.git('rev-parse', 'refs/tags/v1') };
};

const read = async (bytes: Buffer, lengths: readonly number[] = []) => {
  const advertisement = await readAdvertisement(new PktReader(stream(cut(bytes, lengths)), 'upstream'));
  return { ...advertisement, refs: (await collect(advertisement.refs)).flat() };
};
const source = {
  objectFormat: 'sha1',
  filter: true,
  shallow: true,
  unborn: true,
  waitForDone: true,
} as const;
const uploadCapabilities = uploadPackCapabilities(source, { agent: 'refgate/0', stateless: false });

test("a real upload-pack's advertisement is read, in v0 and v1, with peeled tags and the symref of HEAD", async (t) => {
  const { repository, main, tag } = await sample(t);
  for (const version of [0, 1]) {
    const bytes = await repository.answer(
      ['upload-pack', '--http-backend-info-refs'],
      Buffer.alloc(0),
      version,
    );
    const got = await read(bytes, [1, 2, 3, 50]);
    assert.equal(got.version, version);
    assert.equal(got.objectFormat, 'sha1');
    assert.ok(got.capabilities.has('multi_ack_detailed'));
    assert.deepEqual(got.refs, [
      { ref: 'HEAD', oid: main, symrefTarget: 'refs/heads/main' },
      { ref: 'refs/heads/main', oid: main },
      { ref: 'refs/heads/topic/ünï', oid: main },
      { ref: 'refs/tags/v1', oid: tag, peeled: main },
    ]);
  }
});

test("a real receive-pack's advertisement is read, of full, empty and SHA-256 repositories", async (t) => {
  const { repository } = await sample(t);
  const got = await read(
    await repository.answer(['receive-pack', '--http-backend-info-refs'], Buffer.alloc(0)),
  );
  assert.deepEqual(
    got.refs.map(({ ref }) => ref),
    ['refs/heads/main', 'refs/heads/topic/ünï', 'refs/tags/v1'],
  );
  const empty = await RealRepository.make(t, 'sha256');
  const bytes = await empty.answer(['receive-pack', '--http-backend-info-refs'], Buffer.alloc(0));
  const advertisement = await readAdvertisement(new PktReader(stream([bytes]), 'upstream'));
  assert.deepEqual(await collect(advertisement.refs), []);
  assert.deepEqual(pushCapabilities(advertisement), {
    objectFormat: 'sha256',
    atomic: true,
    pushOptions: false,
    deleteRefs: true,
  });
});

const oid = fc.stringMatching(/^[0-9a-f]{39}[1-9a-f]$/);
const name = fc.stringMatching(/^refs\/(heads|tags)\/[a-zé0-9]{1,12}$/);
const refs: fc.Arbitrary<AdvertisedRef[]> = fc
  .uniqueArray(fc.record({ ref: name, oid, peeled: fc.option(oid, { nil: undefined }) }), {
    selector: ({ ref }) => ref,
    maxLength: 40,
  })
  .map((list) => list.map(({ peeled, ...ref }) => (peeled === undefined ? ref : { ...ref, peeled })));

test('what is written is read back, in both versions, however the stream is cut', async () => {
  const versions = fc.constantFrom<0 | 1>(0, 1);
  await fc.assert(
    fc.asyncProperty(
      refs,
      versions,
      cuts,
      fc.integer({ min: 1, max: 9 }),
      async (list, version, lengths, size) => {
        const head = { ref: 'HEAD', oid: '1'.repeat(40), symrefTarget: 'refs/heads/main' };
        const all = list.length > 0 ? [head, ...list] : [];
        const bytes = await write('upload-pack', all, version, size);
        const got = await read(bytes, lengths);
        assert.equal(got.version, version);
        assert.deepEqual(got.refs, all);
      },
    ),
    { numRuns: 100 },
  );
});

async function write(
  service: 'upload-pack' | 'receive-pack',
  all: readonly AdvertisedRef[],
  version: 0 | 1 = 0,
  size = 100,
): Promise<Buffer> {
  const batches = async function* () {
    for (let at = 0; at < all.length; at += size) yield all.slice(at, at + size);
  };
  const options = {
    service,
    version,
    objectFormat: 'sha1',
    capabilities: uploadCapabilities,
    refs: batches(),
  } as const;
  return Buffer.concat(await collect(writeAdvertisement(options)));
}

test('receive-pack shows no peeled oids and no symrefs; nothing shows refs without an oid', async () => {
  const all = [
    { ref: 'HEAD', oid: null, symrefTarget: 'refs/heads/main' },
    { ref: 'refs/tags/v1', oid: '1'.repeat(40), peeled: '2'.repeat(40) },
  ];
  const got = await read(await write('receive-pack', all));
  assert.deepEqual(got.refs, [{ ref: 'refs/tags/v1', oid: '1'.repeat(40) }]);
  assert.equal(got.capabilities.has('symref'), false);
  const none = await write('upload-pack', [all[0] as AdvertisedRef]);
  assert.match(none.toString(), /0{40} capabilities\^\{\}\0multi_ack /);
});

test('.have lines and the oids of shallow commits are dropped', async () => {
  const one = '1'.repeat(40);
  const bytes = Buffer.concat([
    encodePkt(`${one} .have\0report-status\n`),
    encodePkt(`${one} refs/heads/a\n`),
    encodePkt(`${one} .have\n`),
    encodePkt(Buffer.from(`${one} refs/heads/\xff\n`, 'latin1')),
    encodePkt(`shallow ${one}\n`),
    flushPkt,
  ]);
  const got = await read(bytes);
  assert.deepEqual(got.refs, [{ ref: 'refs/heads/a', oid: one }]);
  assert.ok(got.capabilities.has('report-status'));
});

test('an ERR line says whose fault it is, in one clean line', async () => {
  const missing = encodePkt("ERR access denied or repository not exported: '/x'\n");
  await assert.rejects(read(missing), { code: 'REPO_NOT_FOUND', blame: 'upstream' });
  await assert.rejects(read(encodePkt('ERR no \u001b[31mway\nhere')), {
    code: 'UPSTREAM_REFUSED',
    detail: 'no ?[31mway here',
  });
});

test('what is not an advertisement is refused', async () => {
  const one = '1'.repeat(40);
  const cases = [
    Buffer.alloc(0),
    encodePkt('version 2\n'),
    Buffer.concat([encodePkt(`${one} refs/heads/../x\0\n`), flushPkt]),
    Buffer.concat([encodePkt(`${one} refs/heads/a\nb\0\n`), flushPkt]),
    Buffer.concat([encodePkt(`${one} /etc/passwd\0\n`), flushPkt]),
    Buffer.concat([encodePkt(`${'0'.repeat(40)} refs/heads/a\0\n`), flushPkt]),
    Buffer.concat([encodePkt(`${one} refs/heads/a^{}\0\n`), flushPkt]),
    Buffer.concat([encodePkt(`${one.slice(1)}A refs/heads/a\0\n`), flushPkt]),
    Buffer.concat([encodePkt(`${one} refs/heads/a\0\n`), Buffer.from('0001')]),
    Buffer.concat([encodePkt(`${one} refs/heads/a\0object-format=md5\n`), flushPkt]),
  ];
  for (const bytes of cases) {
    await assert.rejects(
      read(bytes),
      { code: 'UPSTREAM_PROTOCOL', blame: 'upstream' },
      JSON.stringify(String(bytes)),
    );
  }
  await fc.assert(
    fc.asyncProperty(anyBytes, cuts, async (bytes, lengths) => {
      await outcome(() => read(bytes, lengths));
      await outcome(() => read(encodePkt(bytes), lengths));
    }),
  );
});

test('the prelude of smart HTTP is written and taken off, and may be missing', async () => {
  assert.equal(servicePrelude('upload-pack').toString(), '001e# service=git-upload-pack\n0000');
  const after = async (bytes: Buffer) => {
    const reader = new PktReader(stream([bytes, encodePkt('version 2\n')]), 'upstream');
    await readServicePrelude(reader, 'upload-pack');
    return reader.read();
  };
  for (const bytes of [servicePrelude('upload-pack'), Buffer.alloc(0)]) {
    assert.deepEqual(await after(bytes), { type: 'data', payload: Buffer.from('version 2\n') });
  }
  await assert.rejects(after(servicePrelude('receive-pack')), { code: 'UPSTREAM_PROTOCOL' });
});

test('only what we honour is advertised to a pushing client', () => {
  const upstream = { objectFormat: 'sha1', atomic: false, pushOptions: true, deleteRefs: true } as const;
  const names = (pushOptions: boolean) =>
    receivePackCapabilities(upstream, { agent: 'refgate/0', pushOptions });
  assert.ok(names(false).includes('no-thin'));
  assert.ok(!names(false).includes('atomic'));
  assert.ok(!names(false).includes('push-options'));
  assert.ok(names(true).includes('push-options'));
  assert.ok(
    !uploadPackCapabilities({ ...source, filter: false }, { agent: 'a', stateless: false }).includes(
      'filter',
    ),
  );
  assert.ok(uploadPackCapabilities(source, { agent: 'a', stateless: true }).includes('no-done'));
});
