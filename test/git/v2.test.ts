import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import type { FetchRequest, LsRefsRequest } from '../../src/domain/ports.ts';
import { encodePkt, PktReader } from '../../src/git/pkt-line.ts';
import { bandOne, demux, passThrough } from '../../src/git/sideband.ts';
import { formatV2Advertisement, readV2Command } from '../../src/git/v2-request.ts';
import { errPkt, formatFetchHead, writeLsRefs } from '../../src/git/v2-response.ts';
import {
  formatFetch,
  formatLsRefs,
  readFetchHead,
  readLsRefs,
  readV2Capabilities,
} from '../../src/git/v2-source.ts';
import { anyBytes, collect, cut, cuts, outcome, stream } from './pieces.ts';
import { RealRepository } from './real-git.ts';

const source = {
  objectFormat: 'sha1',
  filter: true,
  shallow: true,
  unborn: true,
  waitForDone: true,
} as const;
const context = { agent: 'refgate/0', objectFormat: 'sha1' } as const;
const limits = { lines: 10_000, bytes: 10_000_000 };
const oid = fc.stringMatching(/^[0-9a-f]{40}$/);
const oids = fc.uniqueArray(oid, { maxLength: 5 });

const plainFetch: FetchRequest = {
  wants: ['1'.repeat(40)],
  haves: [],
  done: true,
  shallow: [],
  deepenNot: [],
  deepenRelative: false,
  thinPack: true,
  noProgress: true,
  includeTag: false,
  ofsDelta: true,
  waitForDone: false,
};

const depth = fc.oneof(
  fc.constant({}),
  fc.integer({ min: 1, max: 0x7fffffff }).map((deepen) => ({ deepen })),
  fc.integer({ min: 1, max: 2 ** 50 }).map((deepenSince) => ({ deepenSince })),
  fc.constant({ deepenNot: ['refs/heads/old', 'v1.0'] }),
);
const filter = fc.constantFrom('blob:none', 'blob:limit=1k', 'tree:0', 'combine:blob:none+tree:3');
const fetchRequest: fc.Arbitrary<FetchRequest> = fc
  .record(
    {
      wants: fc.uniqueArray(oid, { minLength: 1, maxLength: 5 }),
      haves: oids,
      shallow: oids,
      done: fc.boolean(),
      deepenRelative: fc.boolean(),
      thinPack: fc.boolean(),
      noProgress: fc.boolean(),
      includeTag: fc.boolean(),
      ofsDelta: fc.boolean(),
      waitForDone: fc.boolean(),
      depth,
      filter: fc.option(filter, { nil: undefined }),
    },
    { noNullPrototype: true },
  )
  .map(({ depth, filter, ...rest }) => ({
    deepenNot: [],
    ...rest,
    ...depth,
    ...(filter === undefined ? {} : { filter }),
  }));
const lsRefsRequest: fc.Arbitrary<LsRefsRequest> = fc.record(
  {
    prefixes: fc.array(fc.stringMatching(/^[a-zé/]{0,20}$/)),
    symrefs: fc.boolean(),
    peel: fc.boolean(),
    unborn: fc.boolean(),
  },
  { noNullPrototype: true },
);
const command = (
  bytes: Buffer,
  lengths: readonly number[] = [],
  offered = source as Parameters<typeof readV2Command>[1],
) => readV2Command(new PktReader(stream(cut(bytes, lengths)), 'client'), offered, limits);

test('a command that is written is read back, however the stream is cut', async () => {
  await fc.assert(
    fc.asyncProperty(fetchRequest, lsRefsRequest, cuts, async (fetch, lsRefs, lengths) => {
      const said = { agent: 'refgate/0', objectFormat: 'sha1' };
      assert.deepEqual(await command(formatFetch(fetch, context), lengths), {
        command: 'fetch',
        request: fetch,
        ...said,
      });
      const got = await command(formatLsRefs(lsRefs, context), lengths);
      assert.deepEqual(got, { command: 'ls-refs', request: lsRefs, ...said });
    }),
  );
});

const said = (...lines: string[]) =>
  Buffer.concat(lines.map((line) => (/^000[012]$/.test(line) ? Buffer.from(line) : encodePkt(`${line}\n`))));

test('the end of the stream and a flush-pkt mean that the client has no more to ask', async () => {
  assert.equal(await command(Buffer.alloc(0)), null);
  assert.equal(await command(said('0000')), null);
});

test('what was not advertised is refused', async () => {
  const want = `want ${'1'.repeat(40)}`;
  const refused: readonly (readonly string[])[] = [
    ['command=object-info', '0001', 'size', '0000'],
    ['command=bundle-uri', '0000'],
    ['command=push', '0000'],
    ['agent=git/2', '0000'],
    ['command=fetch', 'command=ls-refs', '0001', '0000'],
    ['command=fetch', 'server-option=x', '0001', want, 'done', '0000'],
    ['command=fetch', 'object-format=sha256', '0001', want, 'done', '0000'],
    ['command=fetch', '0001', 'want-ref refs/heads/main', 'done', '0000'],
    ['command=fetch', '0001', want, 'sideband-all', '0000'],
    ['command=fetch', '0001', want, 'packfile-uris https', '0000'],
    ['command=fetch', '0001', want, 'done x', '0000'],
    ['command=fetch', '0001', want.toUpperCase(), '0000'],
    ['command=fetch', '0001', `want ${'A'.repeat(40)}`, '0000'],
    ['command=fetch', '0001', `${want} extra`, '0000'],
    ['command=fetch', '0001', 'done', '0000'],
    ['command=fetch', '0001', want, 'deepen 0', '0000'],
    ['command=fetch', '0001', want, 'deepen 99999999999', '0000'],
    ['command=fetch', '0001', want, 'deepen 1', 'deepen-not a', '0000'],
    ['command=fetch', '0001', want, 'filter sparse:path=x', '0000'],
    ['command=fetch', '0001', want, 'filter blob:none', 'filter tree:0', '0000'],
    ['command=ls-refs', '0001', 'everything', '0000'],
    ['command=ls-refs', '0001', 'ref-prefix a\u0007', '0000'],
  ];
  for (const lines of refused) {
    await assert.rejects(
      command(said(...lines)),
      { code: 'PROTOCOL_ERROR', blame: 'client' },
      lines.join(' | '),
    );
  }
  const poor = { ...source, filter: false, shallow: false, waitForDone: false, unborn: false };
  for (const argument of ['filter blob:none', 'deepen 1', `shallow ${'1'.repeat(40)}`, 'wait-for-done']) {
    await assert.rejects(command(said('command=fetch', '0001', want, argument, '0000'), [], poor), {
      code: 'PROTOCOL_ERROR',
    });
  }
  await assert.rejects(command(said('command=ls-refs', '0001', 'unborn', '0000'), [], poor), {
    code: 'PROTOCOL_ERROR',
  });
});

test('without an advertisement at hand all that we could have advertised is taken, in the format that the client names', async () => {
  const read = (...lines: string[]) =>
    readV2Command(new PktReader(stream([said(...lines)]), 'client'), undefined, limits);
  for (const [objectFormat, digits] of [
    ['sha1', 40],
    ['sha256', 64],
  ] as const) {
    const oid = '1'.repeat(digits);
    const head = ['command=fetch', `object-format=${objectFormat}`, '0001'];
    const args = [`want ${oid}`, `shallow ${oid}`, 'filter blob:none', 'deepen 1', 'wait-for-done', '0000'];
    const got = await read(...head, ...args);
    assert.equal(got?.objectFormat, objectFormat);
    assert.deepEqual(got.command === 'fetch' && got.request.wants, [oid]);
  }
  for (const lines of [
    ['command=fetch', 'object-format=sha256', '0001', `want ${'1'.repeat(40)}`, 'done', '0000'],
    ['command=fetch', 'object-format=md5', '0001', `want ${'1'.repeat(40)}`, 'done', '0000'],
    ['command=fetch', '0001', 'packfile-uris https', `want ${'1'.repeat(40)}`, 'done', '0000'],
    ['command=object-info', '0001', 'size', '0000'],
    ['command=ls-refs', '0001', 'everything', '0000'],
  ]) {
    await assert.rejects(read(...lines), { code: 'PROTOCOL_ERROR', blame: 'client' }, lines.join(' | '));
  }
});

test('only the right signals end a part of a command', async () => {
  await assert.rejects(command(said('0001')), { code: 'PROTOCOL_ERROR' });
  await assert.rejects(command(said('0002')), { code: 'PKT_UNEXPECTED' });
  await assert.rejects(command(said('command=ls-refs', '0002')), { code: 'PKT_UNEXPECTED' });
  await assert.rejects(command(said('command=ls-refs', '0001', '0001')), { code: 'PKT_UNEXPECTED' });
  await assert.rejects(command(said('command=ls-refs')), { code: 'HUNG_UP' });
  await assert.rejects(command(said('command=ls-refs', '0001', 'peel')), { code: 'HUNG_UP' });
});

test('a request is limited in lines and in bytes', async () => {
  const bytes = said('command=ls-refs', '0001', 'ref-prefix a', 'ref-prefix b', '0000');
  const run = (few: typeof limits) => readV2Command(new PktReader(stream([bytes]), 'client'), source, few);
  await assert.rejects(run({ lines: 2, bytes: 1000 }), { code: 'LIMIT_EXCEEDED', blame: 'client' });
  await assert.rejects(run({ lines: 100, bytes: 30 }), { code: 'LIMIT_EXCEEDED' });
  assert.notEqual(await run({ lines: 3, bytes: 1000 }), null);
});

test('any bytes give a command or a coded error', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(anyBytes, { maxLength: 5 }), cuts, async (lines, lengths) => {
      const bytes = Buffer.concat(lines.map(encodePkt));
      await outcome(() => command(bytes, lengths));
      const reader = () => new PktReader(stream(cut(bytes, lengths)), 'upstream');
      await outcome(() => readV2Capabilities(reader()));
      await outcome(() => readFetchHead(reader(), 'sha1'));
      await outcome(() => collect(readLsRefs(reader(), 'sha1')));
    }),
  );
});

const refs = [
  { ref: 'HEAD', oid: null, symrefTarget: 'refs/heads/main' },
  { ref: 'refs/heads/ünï', oid: '1'.repeat(40) },
  { ref: 'refs/tags/v1', oid: '2'.repeat(40), peeled: '1'.repeat(40) },
];

test('the answer to ls-refs comes back, without what was not asked for', async () => {
  const answer = async (request: LsRefsRequest) => {
    const batches = (async function* () {
      yield refs;
    })();
    const bytes = Buffer.concat(await collect(writeLsRefs(batches, request)));
    return (await collect(readLsRefs(new PktReader(stream([bytes]), 'upstream'), 'sha1'))).flat();
  };
  assert.deepEqual(await answer({ prefixes: [], symrefs: true, peel: true, unborn: true }), refs);
  assert.deepEqual(await answer({ prefixes: [], symrefs: false, peel: false, unborn: false }), [
    { ref: 'refs/heads/ünï', oid: '1'.repeat(40) },
    { ref: 'refs/tags/v1', oid: '2'.repeat(40) },
  ]);
});

test('a fetch head comes back, with its sections in order', async () => {
  const pack = stream([]);
  const acks = ['1'.repeat(40), '2'.repeat(40)];
  const negotiating = { ...plainFetch, done: false, haves: acks };
  const shallowInfo = { shallow: ['3'.repeat(40)], unshallow: ['4'.repeat(40)] };
  const back = (request: FetchRequest, response: Parameters<typeof formatFetchHead>[1]) =>
    readFetchHead(new PktReader(stream([formatFetchHead(request, response)]), 'upstream'), 'sha1');
  assert.deepEqual(await back(plainFetch, { acks: [], ready: false, pack }), {
    acks: [],
    ready: false,
    hasPack: true,
  });
  assert.deepEqual(await back(negotiating, { acks, ready: true, shallowInfo, pack }), {
    acks,
    ready: true,
    shallowInfo,
    hasPack: true,
  });
  assert.deepEqual(await back(negotiating, { acks: [], ready: false }), {
    acks: [],
    ready: false,
    hasPack: false,
  });
});

test('a fetch answer out of order is refused', async () => {
  const one = '1'.repeat(40);
  const refused: readonly (readonly string[])[] = [
    ['acknowledgments', 'ready', '0000'],
    ['acknowledgments', `ACK ${one}`, '0001', 'packfile'],
    ['acknowledgments', `ACK ${one} common`, '0000'],
    ['shallow-info', `shallow ${one}`, '0000'],
    ['shallow-info', `deep ${one}`, '0001', 'packfile'],
    ['packfile-uris', '0001', 'packfile'],
    ['wanted-refs', '0001', 'packfile'],
    ['0000'],
  ];
  for (const lines of refused) {
    const reader = new PktReader(stream([said(...lines)]), 'upstream');
    await assert.rejects(readFetchHead(reader, 'sha1'), { code: 'UPSTREAM_PROTOCOL' }, lines.join(' | '));
  }
  const reader = new PktReader(stream([errPkt(`upload-pack: not our ref ${one}\u001b`)]), 'upstream');
  await assert.rejects(readFetchHead(reader, 'sha1'), {
    code: 'UPSTREAM_REFUSED',
    detail: /not our ref 1+\?/,
  });
});

test('what we advertise is read back, and holds nothing that we do not honour', async () => {
  for (const offered of [
    source,
    { ...source, filter: false, shallow: false, waitForDone: false, unborn: false },
  ]) {
    const bytes = formatV2Advertisement(offered, 'refgate/0');
    assert.deepEqual(await readV2Capabilities(new PktReader(stream([bytes]), 'upstream')), offered);
    assert.doesNotMatch(bytes.toString(), /server-option|bundle-uri|object-info|sideband-all|packfile-uris/);
  }
});

test('an upstream without v2 is told apart, with what to do', async () => {
  const v0 = Buffer.concat([encodePkt(`${'1'.repeat(40)} HEAD\0multi_ack\n`), Buffer.from('0000')]);
  const reader = new PktReader(stream([v0]), 'upstream');
  await assert.rejects(readV2Capabilities(reader), {
    code: 'UPSTREAM_PROTOCOL',
    detail: /AcceptEnv GIT_PROTOCOL/,
  });
});

test('a real upload-pack understands our commands, and we its answers', async (t) => {
  const repository = await RealRepository.make(t);
  const first = await repository.commit('refs/heads/main', 'one');
  const main = await repository.commit('refs/heads/main', 'two', first);
  await repository.git('tag', '-a', '-m', 'tag', 'v1', main);
  const advertised = await repository.answer(['upload-pack', '--http-backend-info-refs'], Buffer.alloc(0), 2);
  const capabilities = await readV2Capabilities(new PktReader(stream([advertised]), 'upstream'));
  assert.deepEqual(capabilities, { ...source, filter: false });

  const ask = async (bytes: Buffer) =>
    new PktReader(
      stream([await repository.answer(['upload-pack', '--stateless-rpc'], bytes, 2)]),
      'upstream',
    );
  const listing = await ask(formatLsRefs({ prefixes: [], symrefs: true, peel: true, unborn: true }, context));
  const listed = (await collect(readLsRefs(listing, 'sha1'))).flat();
  assert.deepEqual(listed, [
    { ref: 'HEAD', oid: main, symrefTarget: 'refs/heads/main' },
    { ref: 'refs/heads/main', oid: main },
    { ref: 'refs/tags/v1', oid: await repository.git('rev-parse', 'refs/tags/v1'), peeled: main },
  ]);

  const shallow = await ask(formatFetch({ ...plainFetch, wants: [main], deepen: 1 }, context));
  const head = await readFetchHead(shallow, 'sha1');
  assert.deepEqual(head, {
    acks: [],
    ready: false,
    shallowInfo: { shallow: [main], unshallow: [] },
    hasPack: true,
  });
  const frames = new PktReader(passThrough(shallow), 'upstream');
  const pack = Buffer.concat(await collect(bandOne(demux(frames, 'eof'), () => undefined)));
  assert.equal(pack.toString('latin1', 0, 4), 'PACK');
  assert.equal(await shallow.read(), null);

  const parent = await repository.git('rev-parse', 'main^');
  const request = { ...plainFetch, wants: [main], haves: [parent, 'f'.repeat(40)], done: false };
  const negotiated = await readFetchHead(await ask(formatFetch(request, context)), 'sha1');
  assert.deepEqual(negotiated, { acks: [parent], ready: true, hasPack: true });
});
