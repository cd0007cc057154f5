/** Generated bare repositories. The same kind has the same oids everywhere. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { git, initBare } from './git.ts';

export type RepoKind = 'empty' | 'linear' | 'merges' | 'tags' | 'refs' | 'sha256' | 'submodule';

export interface RepoOptions {
  /** How many commits, merges, tags or refs, by kind; each kind has a small default. */
  readonly count?: number;
}

type Maker = (gitDir: string, count: number | undefined) => Promise<void>;

/** Makes a bare repository of a kind at `gitDir`; its branch is main. */
export async function makeRepo(gitDir: string, kind: RepoKind, options: RepoOptions = {}): Promise<void> {
  await initBare(gitDir, kind === 'sha256' ? 'sha256' : 'sha1');
  await makers[kind](gitDir, options.count);
}

const makers: Readonly<Record<RepoKind, Maker>> = {
  empty: async () => {},
  linear: (gitDir, count = 5) => fastImport(gitDir, linear(count)),
  sha256: (gitDir, count = 5) => fastImport(gitDir, linear(count)),
  merges: (gitDir, count = 6) => fastImport(gitDir, merges(count)),
  tags: (gitDir, count = 10) => fastImport(gitDir, `${linear(count)}${tags(count)}`),
  refs: (gitDir, count = 2_000) => fastImport(gitDir, `${linear(1)}${refs(count)}`),
  submodule,
};

/** Feeds a stream of git-fast-import(1) to a bare repository. */
export async function fastImport(gitDir: string, stream: string): Promise<void> {
  await git(['fast-import', '--quiet', '--done', '--date-format=raw'], {
    cwd: gitDir,
    input: `${stream}done\n`,
  });
}

/** A `data` command; its length counts bytes. */
export const data = (text: string): string => `data ${Buffer.byteLength(text)}\n${text}\n`;

const who = (second: number): string => `Ann Author <ann@example.com> ${1_700_000_000 + second} +0000`;

function commit(ref: string, mark: number, message: string, rest: string): string {
  return `commit ${ref}\nmark :${mark}\ncommitter ${who(mark)}\n${data(message)}${rest}\n`;
}

function linear(count: number): string {
  let stream = '';
  for (let n = 1; n <= count; n++) {
    const from = n > 1 ? `from :${n - 1}\n` : '';
    const readme = `M 100644 inline README.md\n${data(`line ${n}\n`.repeat(n))}`;
    const file = `M 100644 inline src/dir-${n % 3}/file-${n}.txt\n${data(`content ${n}\n`)}`;
    stream += commit('refs/heads/main', n, `commit ${n}\n`, `${from}${readme}${file}`);
  }
  return stream;
}

/** Marks: 1 is the root; merge n is 3n + 1, of main's tip (first parent) and a side branch of one commit. */
function merges(count: number): string {
  let stream = commit('refs/heads/main', 1, 'root\n', `M 100644 inline root.txt\n${data('root\n')}`);
  let tip = 1;
  for (let n = 0; n < count; n++) {
    const [main, side, merge] = [tip + 1, tip + 2, tip + 3];
    const from = `from :${tip}\n`;
    stream += commit(
      'refs/heads/main',
      main,
      `main ${n}\n`,
      `${from}M 100644 inline main-${n}.txt\n${data(`m${n}\n`)}`,
    );
    stream += commit(
      `refs/heads/side-${n}`,
      side,
      `side ${n}\n`,
      `${from}M 100644 inline side-${n}.txt\n${data(`s${n}\n`)}`,
    );
    const merged = `from :${main}\nmerge :${side}\nM 100644 inline side-${n}.txt\n${data(`s${n}\n`)}`;
    stream += commit('refs/heads/main', merge, `merge ${n}\n`, merged);
    tip = merge;
  }
  return stream;
}

function tags(count: number): string {
  let stream = '';
  for (let n = 1; n <= count; n++) {
    stream += `tag v${n}\nfrom :${n}\ntagger ${who(n)}\n${data(`version ${n}\n`)}`;
    stream += `reset refs/tags/light-${n}\nfrom :${n}\n\n`;
  }
  return stream;
}

function refs(count: number): string {
  let stream = '';
  for (let n = 0; n < count; n++)
    stream += `reset refs/heads/topic/${String(n).padStart(6, '0')}\nfrom :1\n\n`;
  return stream;
}

async function submodule(gitDir: string): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'refgate-sub-'));
  try {
    const inner = join(folder, 'inner.git');
    await makeRepo(inner, 'linear', { count: 1 });
    const oid = await git(['rev-parse', 'main'], { cwd: inner });
    const modules = '[submodule "inner"]\n\tpath = inner\n\turl = ../inner.git\n';
    await fastImport(
      gitDir,
      commit(
        'refs/heads/main',
        1,
        'with a submodule\n',
        `M 100644 inline .gitmodules\n${data(modules)}M 160000 ${oid} inner\n`,
      ),
    );
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
