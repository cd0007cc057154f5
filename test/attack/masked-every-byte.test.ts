/**
 * An agent reads a masked view, and keeps every byte that it is ever sent. The upstream says too much.
 *
 * 1. A secret is a word of few digits: one original oid of what holds it would let the agent try them all.
 * 2. The agent clones, fetches, archives, pushes what is taken, what the upstream refuses and what Refgate refuses.
 * 3. Hooks of the upstream print oids of old, new and foreign objects, in pieces, abbreviated, in capitals, in names of
 *    files, glued together, in base64, and contents with the secrets.
 * 4. The agent asks the API about its sessions.
 *
 * Held when no byte of it holds an original of what is masked, or seven digits of one, or a secret or a part of it.
 */
import assert from 'node:assert/strict';
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { seededRandom } from '../../src/inspect/secrets/rules/token-sample.ts';
import { commitFiles, type MaskedScene, startMaskedScene } from '../scenario/masked-scene.ts';
import { type GitOptions, type GitRun, git } from '../support/git.ts';
import { type HttpEar, heardIn, listenOverHttp, listenOverSsh, objectsOf } from '../support/heard.ts';
import { privateKey, secretMaker } from '../support/secret-history.ts';

const token = secretMaker(5)();
const digits = ['831', '047'].join('');
const phrase = ['Xk29', 'vQ4z'].join('');
const key = privateKey(seededRandom(5), 30);

const closers: (() => unknown)[] = [];
const t = { after: (close: () => unknown) => closers.push(close) };
let scene: MaskedScene;
let http: HttpEar;
let ssh: ReturnType<typeof listenOverSsh>;
let gitDir = '';
let person = '';
/** Oids that the upstream held for a moment only. */
let seen = '';
let env: NonNullable<GitOptions['env']> = {};
let said = '';
let clones = 0;

/** Prints what it is told of a push, and all that git tells of it, in every way that comes to mind. */
const hook = (file: string): string => `#!/bin/sh
zero=0000000000000000000000000000000000000000
while read old new ref; do
  git cat-file --batch-all-objects --batch-check='%(objectname)' >> '${file}'
  echo "old $old new $new"
  printf '%s' "in pieces: $(echo $new | cut -c1-19)"; sleep 0.05; echo "$(echo $new | cut -c20-)"
  echo "capitals: $(echo $new | tr a-f A-F)"
  echo "glued: $old$new x$new-deadbeef$new"
  echo "short: $(echo $new | cut -c1-7) v1-2-g$(echo $new | cut -c1-9) ab_$(echo $new | cut -c1-12)_"
  echo "file: objects/$(echo $new | cut -c1-2)/$(echo $new | cut -c3-)"
  echo "url: https://host/compare/$old...$new?x=%20$new"
  echo "base64: $(echo "at $new" | base64)"
  git ls-tree -r -t "$new"
  [ $old = $zero ] && old=$(git rev-parse main)
  git log -p --raw --abbrev=8 "$old..$new"
  git show "$new:app.env"
  git show "$new:key.pem" | while read line; do echo "$line"; done
  (sleep 0.05; git show "$new:key.pem" | head -3)
  git log --all --format='%h %H %T %p %s'
  echo "tail: $(echo $new | cut -c8-30)"
  case $ref in *rejected*) printf "no: $new"; exit 1;; esac
done
`;

before(async () => {
  scene = await startMaskedScene(t);
  const { bastion } = scene;
  gitDir = bastion.gitDir('web');
  person = join(bastion.dir, 'person');
  seen = join(bastion.dir, 'seen');
  await git(['init', '--quiet', '--bare', gitDir]);
  await git(['clone', '--quiet', gitDir, person], { env: {} });
  await commitFiles(person, { 'README.md': 'A tool\n', 'notes.txt': 'one\n' }, 'first');
  await commitFiles(person, {
    'app.env': `PORT=80\nTOKEN=${token}\nURL=postgres://app:${phrase}@db.acme.io/x\nDB="Server=a;User Id=sa;${'Pass'}word=${digits};"\n`,
    'key.pem': key.text,
  });
  await commitFiles(person, { 'notes.txt': 'one\ntwo\n' }, 'notes');
  await git(['push', '--quiet', 'origin', 'main'], { cwd: person });
  await scene.enable('web');
  writeFileSync(join(gitDir, 'hooks', 'pre-receive'), hook(seen));
  chmodSync(join(gitDir, 'hooks', 'pre-receive'), 0o755);
  http = await listenOverHttp(t, bastion.refgate.http);
  const folder = join(bastion.dir, 'ear');
  mkdirSync(folder);
  ssh = listenOverSsh(folder, String((await sshCommand())['GIT_SSH_COMMAND']));
  env = { GIT_SSH_COMMAND: ssh.command };
});
after(async () => {
  for (const close of closers.reverse()) await close();
});

async function sshCommand(): Promise<Record<string, string>> {
  let found: Record<string, string> = {};
  const run = await scene.run(['-c', 'alias.e=!env', 'e']);
  found = Object.fromEntries(
    run.stdout.split('\n').map((line) => [line.split('=')[0], line.slice(line.indexOf('=') + 1)]),
  );
  return found;
}

async function bot(args: readonly string[], cwd?: string): Promise<GitRun> {
  const run = await scene.run(args, { env, ...(cwd === undefined ? {} : { cwd }) });
  said += `${run.stdout}\n${run.stderr}\n`;
  return run;
}

const url = (door: 'ssh' | 'http'): string =>
  scene
    .url(door, 'web')
    .replace(scene.bastion.refgate.http.replace('http://', ''), http.url.replace('http://', ''));

async function clone(door: 'ssh' | 'http'): Promise<string> {
  const dir = join(scene.bastion.dir, `clone-${clones++}`);
  const run = await bot(['clone', '--quiet', url(door), dir]);
  assert.equal(run.status, 0, run.stderr);
  return dir;
}

/** What must not have been sent. */
async function forbidden(view: string): Promise<readonly string[]> {
  const shown = new Set(objectsOf(view));
  const held = existsSync(seen) ? readFileSync(seen, 'latin1').trim().split('\n') : [];
  return [...new Set([...objectsOf(gitDir), ...held])].filter((oid) => !shown.has(oid));
}

function assertNothing(bytes: Buffer, oids: readonly string[], what: string): void {
  const text = heardIn(bytes);
  const lower = text.toLowerCase();
  const starts = new Set([...lower.matchAll(/(?<![0-9a-f])[0-9a-f]{7}/g)].map(([start]) => start));
  const found: string[] = [];
  for (const oid of oids) {
    if (starts.has(oid.slice(0, 7))) found.push(`${oid.slice(0, 7)} of ${oid}`);
    for (let at = 0; at + 12 <= oid.length; at += 4)
      if (lower.includes(oid.slice(at, at + 12))) found.push(`${oid.slice(at, at + 12)} of ${oid}`);
  }
  const words = [
    token,
    token.slice(4, 12),
    digits,
    phrase,
    phrase.slice(0, 6),
    ...key.text.split('\n').slice(1, -2),
  ];
  for (const word of words) if (text.includes(word)) found.push(word);
  assert.deepEqual(
    [...new Set(found)].map((one) => `${one} in ${what}: ${around(text, one)}`),
    [],
  );
}

function around(text: string, found: string): string {
  const at = text.toLowerCase().indexOf(found.split(' ')[0]?.toLowerCase() ?? '');
  return JSON.stringify(text.slice(Math.max(0, at - 60), at + 60));
}

const doors = ['ssh', 'http'] as const;

test('no byte of what git is sent holds an original oid or a secret', async () => {
  for (const door of doors) {
    const dir = await clone(door);
    const text = readFileSync(join(dir, 'app.env'), 'latin1');
    assert.equal(text.match(/REDACTED-/g)?.length, 3, text);
    await commitFiles(dir, { 'app.env': `${text}MORE=${door}\n` }, 'edit');
    const branches = ['main', `rejected-${door}`, `new-${door}`];
    const run = await bot(['push', 'origin', ...branches.map((branch) => `HEAD:refs/heads/${branch}`)], dir);
    assert.match(run.stderr, /rejected.*pre-receive hook declined/);
    const taken = await bot(['push', 'origin', 'HEAD:refs/heads/main'], dir);
    assert.equal(taken.status, 0, taken.stderr);
    await bot(['fetch', '--quiet', 'origin'], dir);
    await bot(['archive', `--remote=${url(door)}`, 'main'], dir);
  }
  const view = await clone('http');
  const oids = await forbidden(view);
  assert.ok(oids.length > 10, String(oids.length));
  for (const [at, answer] of http.answers.entries()) assertNothing(answer, oids, `answer ${at}`);
  assertNothing(ssh.heard(), oids, 'ssh');
  assertNothing(Buffer.from(said), oids, 'what git printed');
});

test('no byte of what the API tells of its sessions does either', async () => {
  const { username, password } = new URL(scene.url('http', 'web'));
  const before = http.answers.length;
  const ask = async (path: string): Promise<unknown> => {
    const answer = await fetch(`${http.url}/-/api/v1/${path}`, {
      headers: { Authorization: `Bearer ${password}` },
    });
    assert.equal(answer.status, 200, path);
    return answer.json();
  };
  const sessions = (await ask('sessions?limit=50')) as readonly {
    readonly id: string;
    readonly user: string;
  }[];
  assert.ok(sessions.length > 10 && sessions.every(({ user }) => user === username));
  for (const { id } of sessions) await ask(`sessions/${id}`);
  await ask('pushes');
  const answers = http.answers.slice(before);
  assert.equal(answers.length, sessions.length + 2);
  assert.ok(answers.some((answer) => answer.includes('push.restored')));
  const oids = await forbidden(await clone('http'));
  for (const [at, answer] of answers.entries()) assertNothing(answer, oids, `answer ${at} of the API`);
});
