/**
 * What people do when they read, each as a run of git commands against a URL,
 * and the state that the local repository is in afterwards. The same commands
 * against the upstream's own folder must give the same state.
 */
import { cpSync, existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { git, initBare } from '../support/git.ts';
import { data, fastImport, makeRepo } from '../support/repos.ts';

/** Runs git as the client under test; an exit status other than 0 is an error. */
export type ClientGit = (args: readonly string[], cwd?: string) => Promise<string>;

export interface ReadScenario {
  /** What holds, as the end of a sentence. */
  readonly name: string;
  /** Gives the lines to compare. */
  run(place: ReadPlace): Promise<readonly string[]>;
}

export interface ReadPlace {
  readonly client: ClientGit;
  /** The URL of a repository by its name. */
  url(name: string): string;
  /** An empty folder. */
  readonly dir: string;
  /** A bare repository with hundreds of commits of its own; to be copied. */
  readonly busy: string;
}

/** How many refs the large repository has. */
const manyRefs = 20_000;

/** Makes the upstream repositories of the scenarios, and `busy`, the local one that has much of its own. */
export async function makeReadRepos(gitDir: (name: string) => string): Promise<void> {
  await makeRepo(gitDir('web'), 'merges', { count: 8 });
  await makeRepo(gitDir('tags'), 'tags', { count: 12 });
  await makeRepo(gitDir('empty'), 'empty');
  await makeRepo(gitDir('sha256'), 'sha256');
  await makeRepo(gitDir('refs'), 'refs', { count: manyRefs });
  await git(['pack-refs', '--all'], { cwd: gitDir('refs') });
  await makeRepo(gitDir('super'), 'submodule');
  await makeRepo(gitDir('inner'), 'linear', { count: 1 });
  await makeRepo(gitDir('detached'), 'linear', { count: 3 });
  await git(['symbolic-ref', 'HEAD', 'refs/heads/trunk'], { cwd: gitDir('empty') });
  await git(['update-ref', '--no-deref', 'HEAD', 'main~1'], { cwd: gitDir('detached') });
  for (const name of ['web', 'tags', 'sha256']) {
    await git(['config', 'uploadpack.allowFilter', 'true'], { cwd: gitDir(name) });
    await git(['config', 'uploadpack.allowAnySHA1InWant', 'true'], { cwd: gitDir(name) });
  }
  await makeBusyClone(gitDir('tags'), gitDir('busy'));
}

/** A clone of an early commit with hundreds of commits of its own, on several branches. */
export async function makeBusyClone(upstream: string, gitDir: string): Promise<void> {
  await initBare(gitDir);
  const base = await git(['rev-parse', 'light-4'], { cwd: upstream });
  await git(['fetch', '--quiet', '--no-tags', upstream, 'light-4'], { cwd: gitDir });
  let stream = '';
  for (let n = 0; n < 600; n++) {
    const ref = `refs/heads/local-${n % 3}`;
    const when = `Lea Local <lea@example.com> ${1_700_001_000 + n} +0000`;
    const from = n < 3 ? `from ${base}\n` : '';
    stream += `commit ${ref}\ncommitter ${when}\n${data(`own ${n}\n`)}${from}M 100644 inline own-${n % 3}.txt\n${data(`${n}\n`)}\n`;
  }
  await fastImport(gitDir, stream);
}

/** Refs, HEAD, what is shallow, and every object that is there; and that git finds nothing wrong. */
async function stateOf(work: string): Promise<readonly string[]> {
  const at = { cwd: work };
  await git(['fsck', '--full', '--no-dangling'], at);
  const refs = await git(['for-each-ref', '--format=%(objectname) %(refname) %(symref)'], at);
  const gitDir = await gitDirOf(work);
  const head = readFileSync(join(gitDir, 'HEAD'), 'utf8').trim();
  return [...refs.split('\n'), head, ...shallowLines(gitDir), ...(await objectsOf(work))];
}

/** The objects that are there, without fetching any. */
async function objectsOf(work: string): Promise<readonly string[]> {
  const listing = await git(['cat-file', '--batch-all-objects', '--batch-check', '--unordered'], {
    cwd: work,
  });
  return listing.split('\n').sort();
}

/** Where the commits that are cut off are listed. */
function shallowLines(gitDir: string): readonly string[] {
  const file = join(gitDir, 'shallow');
  return existsSync(file) ? readFileSync(file, 'utf8').trim().split('\n').sort() : ['not shallow'];
}

async function gitDirOf(work: string): Promise<string> {
  if (existsSync(join(work, 'HEAD'))) return work;
  return statSync(join(work, '.git')).isDirectory()
    ? join(work, '.git')
    : git(['rev-parse', '--absolute-git-dir'], { cwd: work });
}

export const readScenarios: readonly ReadScenario[] = [
  {
    name: 'ls-remote shows every ref, HEAD and what tags name',
    run: async ({ client, url }) => [
      await client(['ls-remote', '--symref', url('tags')]),
      await client(['ls-remote', url('tags'), 'refs/heads/main', 'v1*', 'none']),
    ],
  },
  {
    name: 'ls-remote shows a HEAD that is detached, and none that is unborn',
    run: async ({ client, url }) => [
      await client(['ls-remote', '--symref', url('detached')]),
      await client(['ls-remote', '--symref', url('empty')]),
    ],
  },
  {
    name: `ls-remote shows ${manyRefs} refs`,
    run: async ({ client, url }) => (await client(['ls-remote', url('refs')])).split('\n'),
  },
  {
    name: 'a mirror is cloned whole',
    async run({ client, url, dir }) {
      await client(['clone', '--quiet', '--mirror', url('web'), join(dir, 'm.git')]);
      return stateOf(join(dir, 'm.git'));
    },
  },
  {
    name: 'one branch is cloned without the others and without tags',
    async run({ client, url, dir }) {
      const only = ['--single-branch', '--branch', 'side-2', '--no-tags'];
      await client(['clone', '--quiet', ...only, url('web'), join(dir, 'c')]);
      return stateOf(join(dir, 'c'));
    },
  },
  {
    name: 'tags that point at what is fetched come along',
    async run({ client, url, dir }) {
      const work = join(dir, 'o.git');
      await client(['init', '--quiet', '--bare', work]);
      await client(['remote', 'add', 'origin', url('tags')], work);
      await client(['fetch', '--quiet', 'origin', 'refs/heads/main:refs/heads/main'], work);
      return stateOf(work);
    },
  },
  {
    name: 'a repository with hundreds of commits of its own fetches what it lacks',
    async run({ client, url, dir, busy }) {
      const work = join(dir, 'busy.git');
      cpSync(busy, work, { recursive: true });
      await client(['fetch', '--quiet', url('tags'), '+refs/heads/*:refs/remotes/up/*'], work);
      return stateOf(work);
    },
  },
  {
    name: 'a shallow clone is deepened and made whole',
    async run({ client, url, dir }) {
      const work = join(dir, 'c.git');
      await client(['clone', '--quiet', '--bare', '--depth', '2', url('tags'), work]);
      const cuts = [shallowLines(work)];
      for (const further of ['--depth=5', '--deepen=2', '--unshallow']) {
        await client(['fetch', '--quiet', further, 'origin', 'main:main'], work);
        cuts.push(shallowLines(work));
      }
      return [...cuts.flat(), ...(await stateOf(work))];
    },
  },
  {
    name: 'a clone is cut by date, and by a ref to leave out',
    async run({ client, url, dir }) {
      const [since, without] = [join(dir, 'since'), join(dir, 'without')];
      await client(['clone', '--quiet', '--bare', '--shallow-since=1700000008', url('tags'), since]);
      await client(['clone', '--quiet', '--bare', '--shallow-exclude=v7', url('tags'), without]);
      const states = [...(await stateOf(since)), ...(await stateOf(without))];
      await client(['fetch', '--quiet', '--shallow-since=1700000002', 'origin', 'main:main'], without);
      return [...states, ...shallowLines(without)];
    },
  },
  ...['blob:none', 'tree:0'].map(
    (filter): ReadScenario => ({
      name: `a partial clone with ${filter} fetches at checkout what it needs`,
      async run({ client, url, dir }) {
        const work = join(dir, 'c');
        await client(['clone', '--quiet', '--no-checkout', `--filter=${filter}`, url('tags'), work]);
        const before = await objectsOf(work);
        await client(['checkout', '--quiet', 'main'], work);
        const after = await objectsOf(work);
        return [...before, 'checked out', ...after, await client(['status', '--short'], work)];
      },
    }),
  ),
  {
    name: 'an empty repository is cloned, with the branch that its HEAD names where the protocol can tell',
    async run({ client, url, dir }) {
      await client(['clone', '--quiet', url('empty'), join(dir, 'c')]);
      return [readFileSync(join(dir, 'c', '.git', 'HEAD'), 'utf8')];
    },
  },
  {
    name: 'a SHA-256 repository is cloned shallow and made whole',
    async run({ client, url, dir }) {
      const work = join(dir, 's.git');
      await client(['clone', '--quiet', '--bare', '--depth', '2', url('sha256'), work]);
      const cut = shallowLines(work);
      await client(['fetch', '--quiet', '--unshallow', 'origin', 'main:main'], work);
      return [...cut, ...(await stateOf(work))];
    },
  },
  {
    name: 'a submodule with a relative URL is cloned by the same way',
    async run({ client, url, dir }) {
      await client(['clone', '--quiet', '--recurse-submodules', url('super'), join(dir, 'c')]);
      return [...(await stateOf(join(dir, 'c'))), ...(await stateOf(join(dir, 'c', 'inner')))];
    },
  },
];
