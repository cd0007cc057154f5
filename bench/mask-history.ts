/**
 * A repository to mask: source-like text on a main branch with a merge now and then, and secrets: one that came early
 * and was removed again, so that nearly every commit is another in the view, one that lives in a file that changes, and
 * one in a message. The same shape on every machine; the secrets are made up at run time.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { git, gitEnv, initBare } from '../test/support/git.ts';
import { secretMaker } from '../test/support/secret-history.ts';
import { generator } from './make-repo.ts';

const folders = 40;
const filesPerFolder = 25;
const linesPerFile = 120;
const filesPerCommit = 3;
const mergeEvery = 20;
const envEvery = 500;

/** Makes the bare repository, packed with a bitmap as a host keeps it. */
export async function makeMaskHistory(gitDir: string, commits: number): Promise<void> {
  await initBare(gitDir);
  const child = spawn('git', ['fast-import', '--quiet', '--done', '--date-format=raw', '--depth=20'], {
    cwd: gitDir,
    env: gitEnv(),
    stdio: ['pipe', 'ignore', 'inherit'],
  });
  const exited = once(child, 'exit');
  for (const piece of history(commits)) if (!child.stdin.write(piece)) await once(child.stdin, 'drain');
  child.stdin.end('done\n');
  const [status] = await exited;
  if (status !== 0) throw new Error(`git fast-import gave ${status}`);
  await git(['repack', '-a', '-d', '-b', '-q'], { cwd: gitDir, timeout: 600_000 });
}

const data = (text: string): string => `data ${Buffer.byteLength(text)}\n${text}\n`;
const inline = (path: string, text: string): string => `M 100644 inline ${path}\n${data(text)}`;

function* history(commits: number): Generator<string> {
  const random = generator(20_240_131);
  const secret = secretMaker(7);
  const [early, living, told] = [secret(), secret(), secret()];
  const files = new Map<string, string[]>();
  const edit = (path: string): string => {
    const lines = files.get(path) ?? Array.from({ length: linesPerFile }, () => lineOf(random));
    files.set(path, lines);
    for (let n = 0; n < 3; n++) lines[random() % lines.length] = lineOf(random);
    return inline(path, lines.join(''));
  };
  for (let n = 1; n <= commits; n++) {
    const side = n > 1 && n % mergeEvery === 0;
    const message = n === Math.floor(commits / 2) ? `change ${n}, try ${told}\n` : `change ${n}\n`;
    const who = `committer Ann Author <ann@example.com> ${1_600_000_000 + n * 600} +0000\n`;
    yield `commit refs/heads/${side ? 'side' : 'main'}\nmark :${n}\n${who}${data(message)}`;
    if (n > 1) yield `from :${n - 1 - (n % mergeEvery === 1 && n > mergeEvery ? 1 : 0)}\n`;
    // The commit after a side commit merges it.
    if (n > mergeEvery && n % mergeEvery === 1) yield `merge :${n - 1}\n`;
    for (let f = 0; f < filesPerCommit; f++) {
      yield edit(`src/area-${random() % folders}/part-${random() % 5}/file-${random() % filesPerFolder}.ts`);
    }
    if (n === Math.min(20, commits)) yield inline('config/old.env', `region = eu\nkey = ${early}\n`);
    if (n === Math.min(40, commits)) yield 'D config/old.env\n';
    if (n % envEvery === 1) yield inline('config/live.env', `# ${n}\nkey = ${living}\nport = ${n}\n`);
  }
}

const words =
  'const let return await function export import type interface readonly number string boolean stream session ' +
  'packet object commit tree blob reader writer buffer length offset index value result error limit policy';
const list = words.split(' ');

function lineOf(random: () => number): string {
  const picked = Array.from({ length: 3 + (random() % 7) }, () => list[random() % list.length]);
  return `  ${picked.join(' ')} ${(random() % 1_000_000).toString(36)};\n`;
}
