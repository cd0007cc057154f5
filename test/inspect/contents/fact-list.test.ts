import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { CommitFacts, PathChange } from '../../../src/domain/facts.ts';
import {
  encodeChanges,
  encodeCommit,
  ListWriter,
  readList,
} from '../../../src/inspect/contents/fact-list.ts';

const oids = fc.integer({ min: 0, max: 15 }).map((digit) => digit.toString(16).repeat(40));
const names = fc.oneof(
  fc.string({ unit: 'grapheme', minLength: 1 }),
  fc.constantFrom('"', '"a"', 'a\tb', 'a\nb', '=x', '[x', ' '),
);
const plain = { noNullPrototype: true };
const signatures = fc.record({ name: names, email: names, time: fc.nat() }, plain);
const commits = fc.record(
  {
    oid: oids,
    parents: fc.array(oids, { maxLength: 3 }),
    author: signatures,
    committer: signatures,
    message: names,
    messageCut: fc.boolean(),
    signature: fc.constantFrom('none', 'openpgp', 'ssh', 'x509', 'other'),
  },
  plain,
);
const modes = fc.constantFrom('file', 'executable', 'symlink', 'submodule');
const changes = fc.record(
  {
    kind: fc.constantFrom('add', 'modify', 'delete', 'rename', 'mode'),
    path: names,
    from: names,
    mode: modes,
    oldMode: modes,
    oid: oids,
    oldOid: oids,
    size: fc.nat(),
    type: fc.constantFrom('text', 'elf'),
    lfs: fc.constant(true as const),
  },
  { requiredKeys: ['kind', 'path'] },
);

test('commits come back as they were, the last written first, again and again', () => {
  fc.assert(
    fc.property(fc.array(commits), (given) => {
      const writer = new ListWriter();
      for (const facts of given) encodeCommit(writer, facts as CommitFacts);
      const list = readList<CommitFacts>(writer.take());
      assert.deepEqual([...list], given.toReversed());
      assert.deepEqual([...list], given.toReversed());
    }),
  );
});

test('changes come back in order within their commit, wherever pieces are taken', () => {
  const groups = fc.array(
    fc.record({ commit: fc.option(oids, { nil: undefined }), changes: fc.array(changes), cut: fc.boolean() }),
  );
  fc.assert(
    fc.property(groups, (given) => {
      const writer = new ListWriter();
      const pieces: Uint8Array[] = [];
      for (const { commit, changes, cut } of given) {
        encodeChanges(writer, commit, changes as PathChange[]);
        if (cut) pieces.push(...writer.take());
      }
      pieces.push(...writer.take());
      const wanted = given.toReversed().flatMap(({ commit, changes }) =>
        changes.map((change) => ({
          ...change,
          source: commit === undefined ? 'existing' : 'new',
          ...(commit === undefined ? {} : { commit }),
        })),
      );
      assert.deepEqual([...readList<PathChange>(pieces)], wanted);
    }),
  );
});

test('a list that is longer than a block, and a line that is, are whole', () => {
  const writer = new ListWriter();
  const paths = Array.from({ length: 3_000 }, (_, n) => `${n}/${'x'.repeat(n === 1_500 ? 300_000 : 100)}`);
  encodeChanges(
    writer,
    '1'.repeat(40),
    paths.map((path) => ({ kind: 'add', path })),
  );
  const pieces = writer.take();
  assert.ok(pieces.length > 3);
  const moved = structuredClone(pieces, {
    transfer: [...new Set(pieces.map(({ buffer }) => buffer))] as ArrayBuffer[],
  });
  assert.deepEqual(
    [...readList<PathChange>(moved)].map(({ path }) => path),
    paths,
  );
});
