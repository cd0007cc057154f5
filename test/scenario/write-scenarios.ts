/**
 * What people do when they push, each as a run of git commands against a URL.
 * What git says, and the refs that the upstream has afterwards, must be what
 * the same commands give against the upstream's own folder.
 */
import { git, runGit } from '../support/git.ts';
import { data, fastImport, makeRepo } from '../support/repos.ts';

export interface WritePlace {
  /** A bare repository of the client's own, with history of which the upstream has a part. */
  readonly local: string;
  /** The URL of the upstream repository. */
  readonly url: string;
  /** The URL of a repository by its name: `empty`, `sha256` or `web`. */
  urlOf(name: 'empty' | 'sha256' | 'web'): string;
  /** Runs git as the client in `local`, or elsewhere; an exit status other than 0 is an error. */
  client(args: readonly string[], cwd?: string): Promise<string>;
  /** Runs `git push` in `local`, or elsewhere, and notes its exit status and all that it says. */
  push(args: readonly string[], cwd?: string): Promise<void>;
  /** An empty folder. */
  readonly dir: string;
}

export interface WriteScenario {
  /** What holds, as the end of a sentence. */
  readonly name: string;
  run(place: WritePlace): Promise<void>;
}

/** What the upstream has of it: main up to here. */
const upstreamTip = 'main~2';

/** Makes the client's repository: a main with merges, branches beside it, and tags of both kinds. */
export async function makeLocal(gitDir: string): Promise<void> {
  await makeRepo(gitDir, 'merges', { count: 4 });
  const at = { cwd: gitDir };
  await git(['tag', 'light', 'main~1'], at);
  await git(['tag', '--annotate', '--message', 'the first', 'v1', 'main~1'], at);
  await git(['tag', '--annotate', '--message', 'of a tag', 'v1-again', 'v1'], at);
  await git(['tag', 'of-a-blob', 'main:root.txt'], at);
  await fastImport(
    gitDir,
    `commit refs/heads/apart\ncommitter Ann Author <ann@example.com> 1700000900 +0000\n${data('apart\n')}M 100644 inline apart.txt\n${data('apart\n')}\n`,
  );
}

/** Makes the upstream repositories of one place, from the client's. */
export async function makeUpstreams(local: string, gitDir: (name: string) => string): Promise<void> {
  await makeRepo(gitDir('web'), 'empty');
  await git(['push', '--quiet', gitDir('web'), `${upstreamTip}:refs/heads/main`, 'side-0'], { cwd: local });
  await makeRepo(gitDir('empty'), 'empty');
  await makeRepo(gitDir('sha256'), 'sha256', { count: 2 });
}

/** Every ref of a repository; and git finds nothing wrong with what they reach. */
export async function refsOf(gitDir: string): Promise<string[]> {
  const fsck = await runGit(['fsck', '--full', '--strict', '--no-dangling'], { cwd: gitDir });
  const refs = await git(['for-each-ref', '--format=%(objectname) %(objecttype) %(refname)'], {
    cwd: gitDir,
  });
  return [...refs.split('\n'), `fsck ${fsck.status} ${fsck.stderr}`];
}

export const writeScenarios: readonly WriteScenario[] = [
  {
    name: 'a branch is created, moved forward over a merge, and deleted',
    async run({ push, url }) {
      await push([url, 'side-2:refs/heads/topic']);
      await push(['--porcelain', url, 'main']);
      await push([url, 'main:topic']);
      await push([url, '--delete', 'topic']);
      await push([url, 'main']);
    },
  },
  {
    name: 'a branch and a tag begin at a commit that the upstream has, without any object',
    async run({ push, url }) {
      await push(['--porcelain', url, `${upstreamTip}:refs/heads/again`, `${upstreamTip}:refs/tags/again`]);
      await push([url, 'side-0:refs/heads/nested/deeply/topic']);
    },
  },
  {
    name: 'one push creates, updates and deletes several refs',
    async run({ push, url }) {
      await push(['--porcelain', url, 'main', 'v1', 'light', 'apart:refs/heads/new/root', ':side-0']);
      await push(['--atomic', url, 'side-1', 'side-2', ':apart-not-there', ':refs/tags/v1']);
      await push(['--atomic', url, '+side-3:refs/heads/main', ':refs/tags/light']);
    },
  },
  {
    name: 'an empty repository gets its first branch',
    async run({ push, urlOf }) {
      await push(['--porcelain', urlOf('empty'), 'main']);
      await push([urlOf('empty'), '--tags']);
      await push([urlOf('empty'), ':main', '--tags']);
    },
  },
];

/** Those that do not need every way through. */
export const rarerScenarios: readonly WriteScenario[] = [
  {
    name: 'tags of every kind are created, moved by force and deleted',
    async run({ push, url, client }) {
      await push([url, 'light', 'v1', 'v1-again', 'of-a-blob']);
      await push([url, 'main:refs/tags/light']);
      await push(['--force', url, 'main:refs/tags/light', '+v1-again:refs/tags/v1']);
      await push(['--porcelain', url, '--delete', 'v1', 'light', 'of-a-blob']);
      await push([
        url,
        await client(['rev-parse', 'v1^{tree}']).then((tree) => `${tree}:refs/tags/of-a-tree`),
      ]);
    },
  },
  {
    name: 'a lease holds when the branch is where it was seen, and not otherwise',
    async run({ push, url, client }) {
      const [old, other] = [await client(['rev-parse', upstreamTip]), await client(['rev-parse', 'side-1'])];
      await push([`--force-with-lease=main:${other}`, url, 'apart:main']);
      await push([`--force-with-lease=main:${old}`, url, 'apart:main']);
      await push([`--force-with-lease=main:${old}`, url, 'side-1:main']);
      await push(['--force-with-lease=new:', url, 'side-1:refs/heads/new']);
      await push([url, 'side-1:main']);
    },
  },
  {
    name: 'a mirror is pushed, and what went away is deleted',
    async run({ push, url, client }) {
      await push(['--mirror', '--porcelain', url]);
      await client(['update-ref', '-d', 'refs/tags/light']);
      await client(['branch', '--force', 'side-1', 'side-2']);
      await push(['--mirror', '--porcelain', url]);
      await push(['--prune', '--porcelain', url, 'refs/heads/side-*:refs/heads/side-*']);
    },
  },
  {
    name: 'tags follow what they name',
    async run({ push, url }) {
      await push(['--follow-tags', '--porcelain', url, 'main']);
      await push(['--follow-tags', url, 'main']);
    },
  },
  {
    name: 'a SHA-256 repository is pushed to',
    async run({ push, urlOf, client, dir }) {
      await client(['clone', '--quiet', '--bare', urlOf('sha256'), 's.git'], dir);
      const work = `${dir}/s.git`;
      const tree = await client(['rev-parse', 'main^{tree}'], work);
      const commit = await client(['commit-tree', tree, '-p', 'main', '-m', 'one more'], work);
      await push(['--porcelain', urlOf('sha256'), `${commit}:refs/heads/main`, 'main:refs/heads/old'], work);
      await push([urlOf('sha256'), 'main~1:main'], work);
      await push(['--force', urlOf('sha256'), 'main~1:main'], work);
      await push(['--delete', urlOf('sha256'), 'old'], work);
    },
  },
  {
    name: 'a shallow clone pushes what it added',
    async run({ push, urlOf, client, dir }) {
      await client(['clone', '--quiet', '--bare', '--depth', '1', urlOf('web'), 's.git'], dir);
      const work = `${dir}/s.git`;
      const tree = await client(['rev-parse', 'main^{tree}'], work);
      const commit = await client(['commit-tree', tree, '-p', 'main', '-m', 'one more'], work);
      await push([urlOf('web'), `${commit}:refs/heads/main`, `${commit}:refs/heads/other`], work);
      await push([urlOf('web'), 'main:refs/heads/old'], work);
    },
  },
  {
    name: 'quiet is quiet, and a dry run changes nothing',
    async run({ push, url }) {
      await push(['--quiet', url, 'main']);
      await push(['--dry-run', url, 'apart']);
      await push(['--quiet', url, 'apart:main']);
      await push(['--quiet', '--force', url, 'apart:main']);
    },
  },
];
