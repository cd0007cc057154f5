/**
 * What an agent pushes that reads masked: the upstream gets what a person would have pushed who sees the originals, oid by
 * oid, and the agent's own refs are right afterwards.
 */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { OidTranslation } from '../../src/domain/mask.ts';
import { type Door, doors } from '../support/bastion.ts';
import { type GitRun, git } from '../support/git.ts';
import { WorkTree } from '../support/masked-clone.ts';
import { secretMaker } from '../support/secret-history.ts';
import { addReviewer, BackgroundGit, becomes, vote } from './approving.ts';
import { type MaskedScene, startMaskedScene } from './masked-scene.ts';
import { dataOf, tip } from './pushing.ts';
import { requestOf, zero } from './raw-push.ts';

const rules = [
  { name: 'no-secrets', when: { secret: 'any' }, then: 'deny' },
  { name: 'locked', when: { path: 'locked/' }, then: 'deny' },
  { name: 'main-is-kept', when: { ref: 'refs/heads/main', change: ['non-fast-forward'] }, then: 'deny' },
];
const next = secretMaker(19);
const [token, late, spare] = [next(), next(), next()];
const wide = (text: string): Buffer => Buffer.from(`\ufeff${text}`, 'utf16le');

const closers: (() => unknown)[] = [];
let scene: MaskedScene;
let upstream = '';
/** The clone of the view, and the clone of the originals. */
let agent: WorkTree;
let person: WorkTree;

async function story(tree: WorkTree): Promise<void> {
  tree.write('README.md', 'A tool\n');
  tree.write('.github/workflows/ci.yml', 'on: push\n');
  tree.write('locked/key.txt', 'k\n');
  await tree.commit('first');
  tree.write('app.env', `PORT=80\nTOKEN=${token}\nDEBUG=1\n`);
  tree.write('conf/wide.txt', wide(`a = 1\r\ntoken = "${token}"\r\nb = 2\r\n`));
  tree.write('data.bin', Buffer.from(`BIN\0\0\0 ${token} \0\0\0END`));
  await tree.commit('with secrets');
  tree.write('late.env', `LATE=${late}\n`);
  await tree.commit('later');
  tree.append('README.md', 'to tune\n');
  await tree.commit('tuned');
  await tree.git('tag', '-a', '-m', 'the first', 'v1');
}

before(async () => {
  scene = await startMaskedScene({ after: (close: () => unknown) => closers.push(close) });
  const { bastion } = scene;
  upstream = bastion.gitDir('app');
  person = new WorkTree(join(bastion.dir, 'person'));
  agent = new WorkTree(join(bastion.dir, 'agent'));
  await git(['init', '--quiet', person.dir]);
  await story(person);
  await git(['clone', '--quiet', '--bare', person.dir, upstream]);
  await person.git('remote', 'add', 'origin', upstream);
  await person.git('fetch', '--quiet');
  await scene.enable('app');
  await scene.git(['clone', '--quiet', '--origin', 'ssh', scene.url('ssh', 'app'), agent.dir]);
  await agent.git('remote', 'add', 'http', scene.url('http', 'app'));
  await scene.git(['fetch', '--quiet', 'http'], { cwd: agent.dir });
  await scene.apply({ rules });
});
after(async () => {
  for (const close of closers.reverse()) await close();
});

const push = (door: Door, ...args: readonly string[]): Promise<GitRun> =>
  scene.run(['push', door, ...args], { cwd: agent.dir });

type Edit = (tree: WorkTree, remote: string) => Promise<unknown>;

/** Makes the edit in both clones. */
async function both(
  door: Door,
  edit: Edit,
  branch: string,
  from = 'main',
): Promise<readonly [string, string]> {
  const tips: string[] = [];
  await scene.git(['fetch', '--quiet', door], { cwd: agent.dir });
  await person.git('fetch', '--quiet', '--prune');
  for (const [tree, remote] of [
    [agent, door],
    [person, 'origin'],
  ] as const) {
    await tree.git('checkout', '--quiet', '--force', '-B', branch, `${remote}/${from}`);
    await edit(tree, remote);
    tips.push(await tree.tip());
  }
  return tips as [string, string];
}

/** What a fetch of the agent's says, and where the view has the branch, after a push. */
async function expectFollowed(door: Door, ref: string, oid: string): Promise<void> {
  const fetched = await scene.run(['fetch', door], { cwd: agent.dir });
  assert.deepEqual([fetched.status, fetched.stderr], [0, '']);
  const listed = await scene.git(['ls-remote', door, ref], { cwd: agent.dir });
  assert.equal(listed.split('\t')[0] ?? '', oid);
}

/** Makes the same edit in both clones and pushes the agent's: the upstream must have what the person has. */
async function arrives(door: Door, branch: string, edit: Edit, ...args: readonly string[]): Promise<GitRun> {
  const [pushed, expected] = await both(door, edit, branch);
  const run = await push(door, ...args, branch);
  assert.equal(run.status, 0, run.stderr);
  assert.equal(await tip(upstream, `refs/heads/${branch}`), expected);
  await expectFollowed(door, `refs/heads/${branch}`, pushed);
  return run;
}

async function diffOf(ref: string): Promise<string> {
  const diff = await git(['diff', '--unified=0', '--no-renames', `${ref}~1`, ref], { cwd: upstream });
  return diff.replace(/^(?:diff|index|---|\+\+\+|@@).*\n/gm, '');
}

const placeholder = (path: string): string => {
  const found = /REDACTED-[a-z0-9-]+?-[0-9a-f]{16}/.exec(agent.read(path).toString('latin1'));
  assert.ok(found, `${path} holds no placeholder`);
  return found[0];
};

describe('through each door', () => {
  for (const door of doors) {
    test(`${door}: an edit beside a placeholder becomes the same lines upstream, and nothing else`, async () => {
      await arrives(door, `beside-${door}`, async (tree) => {
        tree.edit('app.env', 'PORT=80', 'PORT=81');
        tree.append('app.env', 'LAST=1\n');
        await tree.commit('edit');
      });
      assert.equal(await diffOf(`beside-${door}`), '-PORT=80\n+PORT=81\n+LAST=1');
      await person.git('fetch', '--quiet');
      const file = await person.git('cat-file', 'blob', `origin/beside-${door}:app.env`);
      assert.equal(file, `PORT=81\nTOKEN=${token}\nDEBUG=1\nLAST=1`);
    });

    test(`${door}: several commits, a merge and a rename with an edit`, async () => {
      await arrives(door, `several-${door}`, async (tree, remote) => {
        await tree.git('checkout', '--quiet', '-B', `side-${door}`, `${remote}/main~1`);
        tree.edit('app.env', 'DEBUG=1', 'DEBUG=2');
        await tree.commit('on the side');
        await tree.git('checkout', '--quiet', `several-${door}`);
        tree.edit('app.env', 'PORT=80', 'PORT=8080');
        await tree.commit('on the branch');
        await tree.git('merge', '--quiet', '-m', 'merge the side', `side-${door}`);
        await tree.git('mv', 'app.env', 'conf/renamed.env');
        await tree.commit('rename');
        tree.append('conf/renamed.env', 'MORE=1\n');
        await tree.commit('edit');
        await tree.git('mv', 'late.env', 'conf/late.env');
        tree.append('conf/late.env', 'ALSO=1\n');
        await tree.commit('rename and edit at once');
      });
    });
  }
});

describe('history of every shape', () => {
  test('binary and UTF-16 files keep what they are', async () => {
    await arrives('http', 'bytes', async (tree) => {
      tree.edit('data.bin', 'END', 'THE END');
      const text = tree.read('conf/wide.txt').toString('utf16le').slice(1);
      tree.write('conf/wide.txt', wide(text.replace('b = 2', 'b = 3')));
      await tree.commit('bytes');
    });
  });

  test('amend and a forced push with a lease', async () => {
    await arrives('ssh', 'amended', async (tree) => {
      tree.edit('app.env', 'PORT=80', 'PORT=82');
      await tree.commit('before');
    });
    const edit: Edit = async (tree) => {
      tree.edit('app.env', 'DEBUG=1', 'DEBUG=9');
      await tree.commit('after', '--amend');
    };
    const [pushed, expected] = await both('ssh', edit, 'amended', 'amended');
    const run = await push('ssh', '--force-with-lease', 'amended');
    assert.equal(run.status, 0, run.stderr);
    assert.match(run.stderr, /forced update/);
    assert.equal(await tip(upstream, 'refs/heads/amended'), expected);
    await expectFollowed('ssh', 'refs/heads/amended', pushed);
  });

  test('reverts, cherry-picks that name their origin, and rebases', async () => {
    await arrives('http', 'picked', async (tree, remote) => {
      await tree.git('revert', '--no-edit', `${remote}/main`);
      await tree.git('cherry-pick', '-x', `${remote}/main`);
    });
    const message = await git(['log', '-2', '--format=%B', 'picked'], { cwd: upstream });
    const main = await tip(upstream, 'refs/heads/main');
    assert.match(message, new RegExp(`This reverts commit ${main}\\.`));
    assert.match(message, new RegExp(`cherry picked from commit ${main}\\)`));
    await arrives('ssh', 'rebased', async (tree, remote) => {
      await tree.git('reset', '--hard', '--quiet', `${remote}/main~1`);
      tree.edit('app.env', 'DEBUG=1', 'DEBUG=3');
      await tree.commit('to be rebased');
      await tree.git('rebase', '--quiet', `${remote}/main`);
    });
  });

  test('a branch at an old commit, tags, and what is deleted', async () => {
    const run = await push('http', 'http/main~1:refs/heads/old', 'v1:refs/tags/again');
    assert.equal(run.status, 0, run.stderr);
    const at = (name: string) => git(['rev-parse', name], { cwd: upstream });
    assert.equal(await at('old'), await at('main~1'));
    assert.equal(await at('again'), await at('v1'));
    await agent.git('tag', '-a', '-m', 'the second', 'v2', 'http/main');
    await person.git('tag', '-a', '-m', 'the second', 'v2', 'origin/main');
    assert.equal((await push('ssh', 'v2')).status, 0);
    assert.equal(await at('v2'), await person.git('rev-parse', 'v2'));
    assert.equal((await push('ssh', '--delete', 'old', 'again')).status, 0);
    assert.deepEqual(
      [await tip(upstream, 'refs/heads/old'), await tip(upstream, 'refs/tags/again')],
      ['', ''],
    );
    await expectFollowed('ssh', 'refs/heads/old', '');
  });
});

test('the ledger has the push on both sides, and an administrator looks either up', async () => {
  const { bastion } = scene;
  const branch = 'told';
  const [view, original] = await both(
    'ssh',
    async (tree) => {
      tree.edit('app.env', 'PORT=80', 'PORT=99');
      await tree.commit('told');
    },
    branch,
  );
  const old = await agent.git('rev-parse', 'ssh/main');
  assert.equal((await push('ssh', branch)).status, 0);
  const [session] = await bastion.sessions('path/app', 1);
  assert.ok(session);
  const events = await bastion.events(session.id);
  const newOids = (code: 'push.requested' | 'push.restored') =>
    dataOf(events, code).flatMap(({ updates }) => updates.map(({ newOid }) => newOid));
  assert.deepEqual([newOids('push.requested'), newOids('push.restored')], [[view], [original]]);
  assert.deepEqual(dataOf(events, 'push.restored')[0]?.pairs, [{ view, original }]);
  assert.deepEqual(
    dataOf(events, 'push.decided').flatMap(({ relay }) => relay.map(({ newOid }) => newOid)),
    [original],
  );
  const shown = await bastion.refgate.ok(['session', 'show', session.id]);
  for (const text of [view, original]) assert.ok(shown.includes(text.slice(0, 10)), shown);
  for (const id of [view, original.slice(0, 12), old]) {
    const found = JSON.parse(await bastion.refgate.ok(['oid', id, '--json'])) as OidTranslation[];
    assert.equal(found.length, 1);
    const [pair] = found;
    if (id !== old) assert.deepEqual([pair?.view, pair?.original], [view, original]);
    else assert.equal(pair?.original, await tip(upstream, 'refs/heads/main'));
  }
});

/** Pushes an edit that must not arrive, and gives what the agent was told. */
async function refused(door: Door, edit: Edit, ...args: readonly string[]): Promise<string> {
  await agent.git('checkout', '--quiet', '--force', '-B', 'refused', `${door}/main`);
  await edit(agent, door);
  const before = await git(['for-each-ref'], { cwd: upstream });
  const run = await push(door, ...args, ...(args.length > 0 ? [] : ['refused']));
  assert.equal(run.status, 1, run.stderr);
  assert.equal(await git(['for-each-ref'], { cwd: upstream }), before);
  for (const secret of [token, late]) assert.ok(!run.stderr.includes(secret));
  return run.stderr;
}

describe('what is refused says where it is and what to do', () => {
  test('new secrets', async () => {
    const text = await refused('ssh', async (tree) => {
      tree.write('src.env', `A=1\nB=${spare}\n`);
      await tree.commit('leak');
    });
    assert.match(text, /src\.env:2: github-pat .*take it out/s);
    assert.match(text, /remote rejected/);
  });

  test('placeholders elsewhere than on their lines', async () => {
    const text = await refused('http', async (tree) => {
      tree.edit('app.env', 'TOKEN=', 'PUBLIC=');
      tree.append('.github/workflows/ci.yml', `# ${placeholder('late.env')}\n`);
      tree.write('copy.env', tree.read('late.env'));
      await tree.commit('spread');
    });
    assert.match(
      text,
      /app\.env:2: the placeholder of github-pat stands on a line that the file did not have/,
    );
    assert.match(text, /\.github\/workflows\/ci\.yml:2: /);
    assert.match(text, /copy\.env:1: /);
    assert.match(text, /put the line back as it was, or leave the placeholder out/);
  });

  test('a lease that is stale, at the client and at the bastion', async () => {
    const old = await agent.git('rev-parse', 'ssh/main~1');
    const edit: Edit = async (tree) => {
      tree.write('more.txt', 'more\n');
      await tree.commit('more');
    };
    const text = await refused('ssh', edit, `--force-with-lease=main:${old}`, 'refused:main');
    assert.match(text, /stale info/);
    const body = requestOf([[old, zero, 'refs/heads/main']], 'report-status');
    const answer = await scene.post('app', body);
    assert.match(answer, /ng refs\/heads\/main /);
    assert.notEqual(await tip(upstream, 'refs/heads/main'), '');
  });

  test('rules judge what the upstream would get', async () => {
    const locked = await refused('http', async (tree) => {
      tree.append('locked/key.txt', 'm\n');
      await tree.commit('unlock');
    });
    assert.match(locked, /locked/);
    const moved = await refused(
      'ssh',
      async (tree) => {
        await tree.commit('empty', '--amend');
      },
      '+refused:main',
    );
    assert.match(moved, /refused: main-is-kept/);
    assert.ok(
      !moved.includes((await tip(upstream, 'refs/heads/main')).slice(0, 10)),
      'no oid of an original is told',
    );
  });
});

test('where people are asked about a placeholder they see it, and what they approve is right upstream', async () => {
  const { bastion } = scene;
  // Who decides about the placeholder decides about its secret: the rule does not refuse it as well.
  await scene.apply({ rules, checks: { placeholders: { ask: { group: 'reviewers' } } } });
  const rita = await addReviewer(bastion.refgate, 'rita');
  const [pushed, expected] = await both(
    'ssh',
    async (tree) => {
      tree.edit('late.env', 'LATE=', 'RENAMED=');
      await tree.commit('rename the variable');
    },
    'asked',
  );
  const running = new BackgroundGit(['push', 'ssh', 'asked'], agent.dir, scene.env());
  closers.push(() => running.kill());
  const id = await running.heldId();
  const shown = await bastion.refgate.ok(['push', 'show', id]);
  assert.match(shown, /late\.env:1: the placeholder of github-pat/);
  const page = await fetch(`${bastion.refgate.http}/-/api/v1/pushes/${id}`, {
    headers: { authorization: `Bearer ${rita}` },
  });
  assert.match(await page.text(), /PLACEHOLDER_MOVED/);
  await vote(bastion.refgate, rita, id, 'approve');
  await becomes(bastion.refgate, id, ['forwarded']);
  const run = await running.done;
  assert.equal(run.status, 0, run.stderr);
  assert.equal(await tip(upstream, 'refs/heads/asked'), expected);
  await expectFollowed('ssh', 'refs/heads/asked', pushed);
  assert.match(
    await git(['cat-file', 'blob', 'asked:late.env'], { cwd: upstream }),
    new RegExp(`RENAMED=${late}`),
  );
});
