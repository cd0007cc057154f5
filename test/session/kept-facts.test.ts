import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { CommitFacts, Finding, PathChange, RefContents, UnknownFact } from '../../src/domain/facts.ts';
import type { PushFacts, RefFacts } from '../../src/domain/session.ts';
import { inspectedEvent } from '../../src/session/inspected-event.ts';
import { keepFacts, readFacts } from '../../src/session/kept-facts.ts';
import { maskVerdicts } from '../../src/session/mask-facts.ts';
import { MemoryStore } from '../support/memory-store.ts';

const oid = (n: number): string => n.toString(16).padStart(40, '0');

function commit(n: number, message = `commit ${n}\n`): CommitFacts {
  const by = { name: 'Ann', email: 'ann@example.com', time: 1_700_000_000 + n };
  const parents = n === 0 ? [] : [oid(n - 1)];
  return { oid: oid(n), parents, author: by, committer: by, message, messageCut: false, signature: 'none' };
}

function change(n: number, path = `src/file-${n}.txt`): PathChange {
  return { source: 'new', commit: oid(n), kind: 'add', path, mode: 'file', oid: oid(n), size: n };
}

function finding(n: number, sample = 'tok****'): Finding {
  return {
    rule: 'some-token',
    family: 'some',
    tier: 'B',
    confidence: 'high',
    place: 'file',
    commit: oid(n),
    path: `file-${n}`,
    line: 1,
    sample,
    fingerprint: n.toString(16).padStart(32, '0'),
    state: 'new',
  };
}

const unknown = (n: number): UnknownFact => ({ what: 'content', text: `object ${n} is too large` });

function contents(parts: Partial<Omit<RefContents, 'counts'>>): RefContents {
  const { commits = [], changes = [], findings = [], unknowns = [] } = parts;
  const counts = { commits: [...commits].length, changes: [...changes].length };
  return { commits, changes, findings, unknowns, counts };
}

function push(...all: readonly RefContents[]): PushFacts {
  const refs = all.map((_, n): RefFacts => {
    const name = { ref: `refs/heads/b${n}`, namespace: 'branch', kind: 'create' } as const;
    return { ...name, oldOid: oid(0), newOid: oid(n + 1) };
  });
  return {
    refs,
    pushOptions: ['ci.skip'],
    objects: 3,
    bytes: 400,
    contents: all,
    findings: [finding(9)],
    hidden: { count: 1, examples: [{ oid: oid(77), type: 'blob' }] },
    at: '2026-01-01T00:00:00.000Z',
    address: '192.0.2.1',
  };
}

/** With the lists as lists, so that they can be compared. */
function plain(facts: PushFacts | undefined): unknown {
  return (
    facts && {
      ...facts,
      contents: facts.contents?.map((one) => ({
        ...one,
        commits: [...one.commits],
        changes: [...one.changes],
      })),
    }
  );
}

test('facts come back as they were kept, and may be walked more than once', async () => {
  const names = fc.string({ unit: 'grapheme', maxLength: 20 });
  const one = fc.record({
    commits: fc.array(
      names.map((message) => commit(1, message)),
      { maxLength: 5 },
    ),
    changes: fc.array(
      names.map((path) => change(2, path)),
      { maxLength: 5 },
    ),
    findings: fc.array(
      names.map((sample) => finding(3, sample)),
      { maxLength: 3 },
    ),
    unknowns: fc.array(fc.nat().map(unknown), { maxLength: 3 }),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(one, { maxLength: 4 }), async (all) => {
      const facts = push(...all.map(contents));
      const store = new MemoryStore();
      const { writes, summary } = await keepFacts('s-1', facts);
      await store.write(writes);
      const read = await readFacts(store, 's-1', summary);
      assert.deepEqual(plain(read), plain(facts));
      assert.deepEqual(plain(read), plain(facts));
      assert.equal(summary.complete, true);
    }),
    { numRuns: 50 },
  );
});

test('a push that is only imagined by its refs has no contents when it comes back', async () => {
  const { contents: _, ...facts } = push(contents({}));
  const store = new MemoryStore();
  const { writes, summary } = await keepFacts('s-1', facts);
  await store.write(writes);
  assert.deepEqual(await readFacts(store, 's-1', summary), facts);
});

test('facts beyond the limits are cut, and say so; findings are kept before everything else', async () => {
  function* many<T>(make: (n: number) => T): Generator<T> {
    for (let n = 0; ; n++) yield make(n);
  }
  const endless: RefContents = {
    ...contents({ findings: [finding(1)], unknowns: [unknown(1)] }),
    commits: { [Symbol.iterator]: () => many((n) => commit(n)) },
    changes: { [Symbol.iterator]: () => many((n) => change(n)) },
  };
  for (const limits of [
    { bytes: 1 << 20, textBytes: 1 << 20, rows: 50 },
    { bytes: 1 << 20, textBytes: 20_000, rows: 1_000_000 },
    { bytes: 300_000, textBytes: 1 << 26, rows: 1_000_000 },
  ]) {
    const store = new MemoryStore();
    const { writes, summary } = await keepFacts('s-1', push(endless, endless), limits);
    assert.equal(summary.complete, false);
    assert.ok(summary.rows <= limits.rows);
    assert.ok(summary.bytes <= limits.bytes, `${summary.bytes} of ${limits.bytes}`);
    await store.write(writes);
    const read = await readFacts(store, 's-1', summary);
    assert.equal(read?.contents?.length, 2);
    assert.deepEqual(read.contents[0]?.findings, [finding(1)]);
    assert.deepEqual(read.contents[0]?.unknowns, [unknown(1)]);
  }
});

test('large facts are kept in pieces that the store takes easily', async () => {
  const noise = (n: number): string => (n * 2_654_435_761).toString(36).repeat(40) + Math.sin(n);
  const commits = Array.from({ length: 40_000 }, (_, n) =>
    commit(n, Array.from({ length: 5 }, (__, k) => noise(n * 7 + k).slice(-20)).join(' ')),
  );
  const { writes, summary } = await keepFacts('s-1', push(contents({ commits })));
  assert.ok(writes.length > 1);
  for (const write of writes) assert.ok(write.type === 'put' && write.value.length <= 1 << 20);
  const store = new MemoryStore();
  await store.write(writes);
  const read = await readFacts(store, 's-1', summary);
  assert.deepEqual([...(read?.contents?.[0]?.commits ?? [])], commits);
});

test('kept facts that were changed, cut or exchanged are not believed', async () => {
  const { writes, summary } = await keepFacts('s-1', push(contents({ commits: [commit(1)] })));
  const [write] = writes;
  assert.ok(write?.type === 'put');
  const other = await keepFacts('s-1', push(contents({ commits: [commit(2)] })));
  const [exchanged] = other.writes;
  assert.ok(exchanged?.type === 'put');
  const flipped = Buffer.from(write.value);
  flipped[flipped.length >> 1] = (flipped[flipped.length >> 1] ?? 0) ^ 1;
  for (const value of [flipped, write.value.subarray(0, -1), Buffer.alloc(0), exchanged.value]) {
    const store = new MemoryStore();
    await store.write([{ ...write, value }]);
    await assert.rejects(readFacts(store, 's-1', summary), { code: 'LEDGER_CORRUPT' });
  }
  assert.equal(await readFacts(new MemoryStore(), 's-1', summary), undefined);
});

test('the facts of one session are not those of another whose id begins the same', async () => {
  const store = new MemoryStore();
  const { writes } = await keepFacts('s-10', push());
  await store.write(writes);
  const { summary } = await keepFacts('s-1', push());
  assert.equal(await readFacts(store, 's-1', summary), undefined);
});

test('the event counts everything, shows the first hundred findings, and no half characters', async () => {
  const findings = Array.from({ length: 150 }, (_, n) => finding(n, `${n}\ud83d`));
  const facts = push(contents({ findings, commits: [commit(1)], changes: [change(1), change(2)] }));
  const { data, writes } = await inspectedEvent('s-1', facts, { sha256: 'ab' }, (text) => text);
  assert.deepEqual(data.contents, [{ commits: 1, changes: 2, findings: 150, unknowns: 0 }]);
  assert.equal(data.findings?.length, 100);
  assert.equal(data.findings?.[0]?.fingerprint, finding(9).fingerprint);
  assert.equal(data.findings?.[1]?.sample, '0\ufffd');
  assert.equal(data.hidden?.count, 1);
  assert.equal(data.sha256, 'ab');
  assert.equal(data.kept?.complete, true);
  assert.equal(writes.length, 1);
});

test('placeholders that were moved are kept and counted, and no secret in their paths with them', async () => {
  const secret = 'a-secret-name';
  const use = { how: 'new-line', rule: 'some-token', line: 3, commit: oid(1) } as const;
  const facts: PushFacts = {
    ...push(contents({})),
    placeholders: [
      { ...use, path: `src/${secret}.ts` },
      { ...use, path: 'src/b.ts' },
    ],
  };
  const mask = (text: string): string => text.replaceAll(secret, '****');
  const { data, writes } = await inspectedEvent('s-1', facts, undefined, mask);
  assert.equal(data.placeholders, 2);
  const store = new MemoryStore();
  await store.write(writes);
  const kept = data.kept;
  assert.ok(kept);
  const back = await readFacts(store, 's-1', kept);
  assert.deepEqual(
    back?.placeholders?.map(({ path }) => path),
    ['src/****.ts', 'src/b.ts'],
  );
});

test('a verdict that names the path of a moved placeholder is written down masked', () => {
  const use = { how: 'new-line', rule: 'some-token', line: 3, path: 'a-name', commit: oid(1) } as const;
  const reason = {
    rule: 'PLACEHOLDER_MOVED',
    code: 'PLACEHOLDER_MOVED',
    text: 'a-name:3: was moved',
  } as const;
  const verdict = { ref: 'refs/heads/x', effect: 'deny', reasons: [reason] } as const;
  const mask = (text: string): string => text.replaceAll('a-name', '****');
  const [shown] = maskVerdicts([verdict], { ...push(contents({})), findings: [], placeholders: [use] }, mask);
  assert.equal(shown?.reasons[0]?.text, '****:3: was moved');
});
