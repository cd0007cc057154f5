import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { git, tempDir } from '../../support/git.ts';
import { allObjects } from './generated-history.ts';
import {
  historyOf,
  listsOf,
  packOf,
  rule,
  scanner,
  secretOf,
  upstreamOf,
  walkPack,
  walkStory,
} from './walk-fixture.ts';

const base = { name: 'base', files: { 'readme.txt': 'hello\n', 'conf/old.ini': `key=${secretOf(1)}\n` } };

test('a secret is told at the commit and path that bring it in, with its line', async (t) => {
  const next = { name: 'next', parents: ['base'], files: { 'src/a.txt': `one\ntwo ${secretOf(2)}\n` } };
  const { told, asked, updates } = await walkStory(t, [base, next], ['base'], ['next']);
  assert.deepEqual(told, ['file next src/a.txt 2']);
  assert.deepEqual(updates[0]?.unknowns, []);
  assert.ok(
    asked.every(({ type }) => type !== 'blob'),
    'no blob is borrowed for a file that is new',
  );
});

test('what the same path held upstream already is not a finding, and its old content is borrowed to know', async (t) => {
  const next = { name: 'next', parents: ['base'], files: { 'conf/old.ini': `more\nkey=${secretOf(1)}\n` } };
  const { told, asked } = await walkStory(t, [base, next], ['base'], ['next']);
  assert.deepEqual(told, []);
  assert.equal(asked.filter(({ type }) => type === 'blob').length, 1);
});

test('the same secret at another path is a finding, and where the file was moved it is not', async (t) => {
  const copied = { name: 'copied', parents: ['base'], files: { 'copy.ini': `key=${secretOf(1)}\n` } };
  const moved = {
    name: 'moved',
    parents: ['base'],
    files: { 'conf/old.ini': undefined, 'conf/new.ini': `key=${secretOf(1)}\n` },
  };
  const walked = await walkStory(t, [base, copied, moved], ['base'], ['copied', 'moved']);
  // The blob is the upstream's, so it is not in the pack; only a copy that was changed brings content.
  assert.deepEqual(walked.told, []);
  const changed = { name: 'changed', parents: ['base'], files: { 'copy.ini': `copy\nkey=${secretOf(1)}\n` } };
  assert.deepEqual((await walkStory(t, [base, changed], ['base'], ['changed'])).told, [
    'file changed copy.ini 2',
  ]);
});

test('a file that leaves an allowed path with its secret is a finding', async (t) => {
  const first = { name: 'first', parents: ['base'], files: { 'allowed/x': `a ${secretOf(3)}\n` } };
  const second = {
    name: 'second',
    parents: ['first'],
    files: { 'allowed/x': undefined, 'src/x': `a ${secretOf(3)}\n` },
  };
  const { told } = await walkStory(t, [base, first, second], ['base'], ['second']);
  assert.deepEqual(told, ['file second src/x 1']);
});

test('messages, people, tags, refs, options and paths are searched, each told by its place', async (t) => {
  const source = join(tempDir(t, 'story'), 'r.git');
  const oids = await historyOf(source, [
    base,
    {
      name: 'next',
      parents: ['base'],
      message: `subject\n\nbody ${secretOf(4)}\n`,
      author: `Ann ${secretOf(5)}`,
      files: { [`dir-${secretOf(6)}/f`]: 'x\n', 'k.hush': 'y\n' },
    },
  ]);
  await git(['tag', '-a', '-m', `tag\n${secretOf(7)}`, 'v1', oids['next'] ?? ''], { cwd: source });
  const tag = await git(['rev-parse', 'v1'], { cwd: source });
  const upstream = await upstreamOf(t, source, ['base']);
  const pack = await packOf(source, [tag], [oids['base'] ?? '']);
  const ref = `refs/tags/${secretOf(8)}`;
  const walked = await walkPack(t, pack, upstream, {
    updates: [{ ref, newOid: tag, difference: false, content: false }],
    pushOptions: [`token=${secretOf(9)}`],
  });
  const found = walked.updates[0]?.findings ?? [];
  assert.deepEqual(found.map(({ place, line }) => `${place} ${line ?? ''}`).sort(), [
    'author ',
    'commit-message 3',
    'path ',
    'path ',
    'ref ',
    'tag-message 2',
  ]);
  assert.deepEqual(
    walked.findings.map(({ place }) => place),
    ['push-option'],
  );
  assert.equal(walked.hidden, undefined);
  assert.ok(!JSON.stringify(found).includes(secretOf(6)), 'the path of a finding does not hold the secret');
});

test('what is accepted for the repository is told as baseline', async (t) => {
  const next = { name: 'next', parents: ['base'], files: { a: `${secretOf(2)}\n` } };
  const first = await walkStory(t, [base, next], ['base'], ['next']);
  const baseline = first.updates[0]?.findings.map(({ fingerprint }) => fingerprint) ?? [];
  const { told } = await walkStory(t, [base, next], ['base'], ['next'], { baseline });
  assert.deepEqual(told, ['file next a 1 baseline']);
});

test('a ref that moves onto history of the upstream shows the whole difference, with its content where it is asked for', async (t) => {
  const source = join(tempDir(t, 'story'), 'r.git');
  const oids = await historyOf(source, [
    base,
    { name: 'other', parents: ['base'], files: { 'o.txt': `x ${secretOf(2)}\n` } },
    {
      name: 'merged',
      parents: ['base', 'other'],
      files: { 'o.txt': `x ${secretOf(2)}\n`, 'n.txt': 'new\n' },
    },
  ]);
  const upstream = await upstreamOf(t, source, ['base', 'other']);
  const pack = await packOf(source, [oids['merged'] ?? ''], [oids['base'] ?? '', oids['other'] ?? '']);
  const update = { ref: 'refs/heads/main', oldOid: oids['base'] ?? '', newOid: oids['merged'] ?? '' };
  for (const content of [false, true]) {
    const walked = await walkPack(t, pack, upstream, { updates: [{ ...update, difference: true, content }] });
    const { changes, commits } = listsOf(walked);
    assert.deepEqual(
      commits.map(({ oid }) => oid),
      [oids['merged']],
    );
    assert.deepEqual(
      changes.map(({ source, kind, path, type }) => [source, kind, path, type]),
      [
        ['new', 'add', 'n.txt', 'text'],
        ['existing', 'add', 'o.txt', content ? 'text' : undefined],
      ],
    );
    assert.deepEqual(
      walked.updates[0]?.findings.map(({ path }) => path),
      content ? ['o.txt'] : [],
    );
  }
});

test('commits of the upstream that no ref of it reaches are judged as new, with their blobs', async (t) => {
  const source = join(tempDir(t, 'story'), 'r.git');
  const oids = await historyOf(source, [
    base,
    { name: 'lost', parents: ['base'], files: { 'l.txt': `x ${secretOf(2)}\n` } },
    { name: 'next', parents: ['lost'], files: { 'n.txt': 'new\n' } },
  ]);
  const upstream = await upstreamOf(t, source, ['base', 'lost']);
  const lost = (await allObjects(upstream)).get(oids['lost'] ?? '');
  assert.ok(lost !== undefined);
  const walked = await walkPack(
    t,
    await packOf(source, [oids['next'] ?? ''], [oids['lost'] ?? '']),
    upstream,
    {
      updates: [{ ref: 'refs/heads/x', newOid: oids['next'] ?? '', difference: false, content: false }],
      unreached: [{ oid: lost.oid, type: 'commit', content: lost.content }],
    },
  );
  const { commits, changes } = listsOf(walked);
  assert.deepEqual(
    commits.map(({ oid }) => oid),
    [oids['lost'], oids['next']],
  );
  assert.deepEqual(
    changes.map(({ path, type }) => `${path} ${type}`),
    ['l.txt text', 'n.txt text'],
  );
  assert.deepEqual(
    walked.updates[0]?.findings.map(({ path }) => path),
    ['l.txt'],
  );
});

test('commits of the pack that the upstream has already are not new, and nothing of them is hidden', async (t) => {
  const source = join(tempDir(t, 'story'), 'r.git');
  const oids = await historyOf(source, [
    base,
    { name: 'known', parents: ['base'], files: { 'k.txt': `x ${secretOf(2)}\n` } },
    { name: 'next', parents: ['known'], files: { 'n.txt': 'new\n' } },
  ]);
  const upstream = await upstreamOf(t, source, ['base', 'known']);
  const walked = await walkPack(
    t,
    await packOf(source, [oids['next'] ?? ''], [oids['base'] ?? '']),
    upstream,
    {
      updates: [{ ref: 'refs/heads/x', newOid: oids['next'] ?? '', difference: false, content: false }],
      known: [oids['known'] ?? ''],
    },
  );
  assert.deepEqual(
    listsOf(walked).changes.map(({ path }) => path),
    ['n.txt'],
  );
  assert.deepEqual(walked.updates[0]?.findings, []);
  assert.equal(walked.hidden, undefined);
});

test('over a thousand findings, how many are left out is an unknown fact', async (t) => {
  const files = Object.fromEntries(
    Array.from({ length: 1100 }, (_, n) => [`f${n}`, `hush${String(10_000_000 + n)}\n`]),
  );
  const { updates } = await walkStory(
    t,
    [base, { name: 'next', parents: ['base'], files }],
    ['base'],
    ['next'],
  );
  assert.equal(updates[0]?.findings.length, 1000);
  assert.deepEqual(updates[0]?.unknowns, [{ what: 'content', text: '100 more findings are not listed' }]);
});

test('trees of the tip that lead to its changes are given along, for the next push', async (t) => {
  const next = { name: 'next', parents: ['base'], files: { 'src/deep/a.txt': 'a\n' } };
  const { trees } = await walkStory(t, [base, next], ['base'], ['next']);
  assert.equal(trees.length, 3);
});

test('a parent that the upstream does not give is an unknown fact', async (t) => {
  const source = join(tempDir(t, 'story'), 'r.git');
  const next = { name: 'next', parents: ['base'], files: { n: 'n\n' } };
  const oids = await historyOf(source, [base, next]);
  const upstream = await upstreamOf(t, source, []);
  const walked = await walkPack(
    t,
    await packOf(source, [oids['next'] ?? ''], [oids['base'] ?? '']),
    upstream,
    {
      updates: [{ ref: 'refs/heads/x', newOid: oids['next'] ?? '', difference: false, content: false }],
    },
  );
  assert.ok(
    walked.updates[0]?.unknowns.some(({ what, commit }) => what === 'history' && commit === oids['next']),
  );
});

test('once reading costs more than it may, every update has an unknown fact, and findings are told without a place', async (t) => {
  const source = join(tempDir(t, 'story'), 'r.git');
  const next = { name: 'next', parents: ['base'], files: { n: `n ${secretOf(2)}\n` } };
  const oids = await historyOf(source, [base, next]);
  const upstream = await upstreamOf(t, source, ['base']);
  const walked = await walkPack(
    t,
    await packOf(source, [oids['next'] ?? ''], [oids['base'] ?? '']),
    upstream,
    {
      updates: [{ ref: 'refs/heads/x', newOid: oids['next'] ?? '', difference: false, content: false }],
      limit: 10,
    },
  );
  assert.deepEqual(
    walked.updates[0]?.unknowns.map(({ what }) => what),
    ['history', 'content'],
  );
  assert.equal(walked.findings.length, 1);
});

test('a finding by path alone has a keyed fingerprint of its own, which the baseline accepts', async (t) => {
  const next = { name: 'next', parents: ['base'], files: { 'k.hush': 'x\n', 'l.hush': 'x\n' } };
  const { updates } = await walkStory(t, [base, next], ['base'], ['next']);
  const fingerprints = updates[0]?.findings.map(({ fingerprint }) => fingerprint) ?? [];
  assert.equal(new Set(fingerprints).size, 2);
  for (const [i, path] of ['k.hush', 'l.hush'].entries())
    assert.equal(fingerprints[i], scanner().fingerprint(`${rule.id}\0${path}`));
  const { told } = await walkStory(t, [base, next], ['base'], ['next'], {
    baseline: fingerprints.slice(0, 1),
  });
  assert.deepEqual(told, ['path next k.hush baseline', 'path next l.hush']);
});
