/**
 * What every fault test stands on: a data folder with one user, ann, who has a
 * token; bare repositories as the `path` upstream; and a clone with two pushes in
 * it that wait to be made. The server is started, killed and started again on the same data.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after as afterAll, type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { EventCode, LedgerEvent, SessionSummary } from '../../src/domain/record.ts';
import { admin } from '../support/admin-call.ts';
import { type ClientKey, makeClientKey } from '../support/client.ts';
import { type GitOptions, type GitRun, git, gitEnv, runGit, tempDir } from '../support/git.ts';
import { outDir, type Refgate, startRefgate } from '../support/refgate.ts';
import { makeRepo } from '../support/repos.ts';

export { admin };

/** The refs of a repository: short branch names to oids. */
export type Tips = Readonly<Record<string, string>>;

export interface SceneOptions {
  /** Over the `path` upstream of refgate.yaml, key by key. */
  readonly config?: Readonly<Record<string, unknown>>;
  readonly policy?: Readonly<Record<string, unknown>>;
  /** The folder of the repositories, where it is not the scene's own. */
  readonly root?: string;
  /** Called with the first server while it runs, to give it credentials and the like. */
  readonly prepare?: (refgate: Refgate) => Promise<void>;
}

const defaultPolicy = { access: [{ who: { group: 'dev' }, repo: 'acme/*', may: ['read', 'write'] }] };

const failingServe = join(outDir, 'test', 'support', 'failing-serve.js');

export class Scene {
  /** The server's folder. */
  readonly dir: string;
  /** The folder of the bare repositories; `acme/NAME.git` in it. */
  readonly root: string;
  /** A clone with branches `main` and `side` ahead of every repository; `side` adds 3 MB that do not compress. */
  readonly clone: string;
  /** The upstream's refs before, and after the push of `main` and `side`. */
  before: Tips = {};
  after: Tips = {};
  token = '';
  /** What is lost, and of which nothing is seen, is settled after this. */
  upstreamIdle = '4s';
  /** ann's SSH key. */
  key: ClientKey | undefined;
  readonly #t: Pick<TestContext, 'after'>;
  readonly #options: SceneOptions;

  constructor(t: Pick<TestContext, 'after'>, options: SceneOptions) {
    const base = tempDir(t, 'fault');
    this.dir = join(base, 'refgate');
    this.root = options.root ?? join(base, 'srv');
    this.clone = join(base, 'clone');
    this.#t = t;
    this.#options = options;
    for (const folder of [this.dir, join(this.root, 'acme')]) mkdirSync(folder, { recursive: true });
  }

  /** A folder for the test's own files. */
  get base(): string {
    return join(this.dir, '..');
  }

  get quarantine(): string {
    return join(this.dir, 'data', 'quarantine');
  }

  /** Makes the user, the token and the template. */
  async prepare(): Promise<void> {
    const template = join(this.base, 'template.git');
    await makeRepo(template, 'linear', { count: 3 });
    await git(['clone', '--quiet', template, this.clone]);
    await git(['commit', '--quiet', '--allow-empty', '-m', 'on main'], { cwd: this.clone });
    await git(['checkout', '--quiet', '-b', 'side', 'main~1'], { cwd: this.clone });
    writeFileSync(join(this.clone, 'side.bin'), randomBytes(3 * 2 ** 20));
    await git(['add', 'side.bin'], { cwd: this.clone });
    await git(['commit', '--quiet', '-m', 'on side'], { cwd: this.clone });
    this.before = await tipsOf(template);
    this.after = await tipsOf(join(this.clone, '.git'));
    const refgate = await this.start();
    await admin(refgate, 'POST', '/users', { name: 'ann', kind: 'person', groups: ['dev'], role: 'user' });
    const made = await admin<{ token: string }>(refgate, 'POST', '/tokens', {
      user: 'ann',
      ttl: 8 * 3_600_000,
    });
    this.token = made.token;
    this.key = await makeClientKey(this.base);
    await admin(refgate, 'POST', '/keys', { user: 'ann', line: this.key.publicLine });
    await this.#options.prepare?.(refgate);
    await refgate.stop();
  }

  /** A server that ends with the scene, or with `t`: an ordinary one, or with `fail` one that fails as test/support/failing-serve.ts says. */
  start(fail?: string, env: Readonly<Record<string, string>> = {}, t = this.#t): Promise<Refgate> {
    return startRefgate(t, {
      dir: this.dir,
      config: {
        upstreams: { disk: { path: { root: this.root } } },
        repos: [{ path: 'acme/*', upstream: 'disk' }],
        ...this.#options.config,
        limits: { upstreamIdle: this.upstreamIdle },
      },
      policy: this.#options.policy ?? defaultPolicy,
      ...(fail === undefined ? {} : { program: failingServe }),
      env: { ...env, ...(fail === undefined ? {} : { REFGATE_FAIL: fail }) },
    });
  }

  gitDir(name: string): string {
    return join(this.root, 'acme', `${name}.git`);
  }

  /** A repository of the upstream, as it is before the push. */
  makeRepo(name: string): string {
    cpSync(join(this.base, 'template.git'), this.gitDir(name), { recursive: true });
    return this.gitDir(name);
  }

  url(refgate: Refgate, name: string): string {
    const url = new URL(`${refgate.http}/acme/${name}.git`);
    url.username = 'ann';
    url.password = this.token;
    return url.href;
  }

  sshUrl(refgate: Refgate, name: string): string {
    return `ssh://git@127.0.0.1:${refgate.sshPort}/acme/${name}.git`;
  }

  /** Starts a push of `main` and `side`, in a process group of its own. */
  startPush(refgate: Refgate, name: string, door: 'ssh' | 'http', env: GitOptions['env'] = {}): StartedPush {
    const url = door === 'ssh' ? this.sshUrl(refgate, name) : this.url(refgate, name);
    const child = spawn('git', ['push', url, 'main', 'side'], {
      cwd: this.clone,
      env: gitEnv({ ...this.key?.env, ...env }),
      stdio: ['ignore', 'ignore', 'pipe'],
      detached: true,
    });
    return new StartedPush(child);
  }

  /** Pushes `main` and `side` over HTTP, or what is named. */
  push(
    refgate: Refgate,
    name: string,
    refs: readonly string[] = ['main', 'side'],
    options: GitOptions = {},
  ): Promise<GitRun> {
    return runGit(['push', this.url(refgate, name), ...refs], { cwd: this.clone, ...options });
  }

  /** Sets a branch of a repository past everybody. */
  async moveRef(gitDir: string, branch: string, to: string): Promise<void> {
    await git(['update-ref', `refs/heads/${branch}`, to], { cwd: gitDir });
  }

  tips(name: string): Promise<Tips> {
    return tipsOf(this.gitDir(name));
  }

  /** Whether nothing of any pack is left on disk. */
  isQuarantineEmpty(): boolean {
    return !existsSync(this.quarantine) || readdirSync(this.quarantine).length === 0;
  }

  /**
   * A folder for the front of PATH, whose git hands the first `bytes` of a push
   * to the upstream, and the rest once the gate is open; it keeps a copy of all in `GATE.copy`.
   */
  slowGit(gate: Gate, bytes: number): string {
    const folder = `${gate.file}-bin`;
    mkdirSync(folder);
    const script = [
      '#!/bin/sh',
      `real=$(PATH="\${PATH#*:}" command -v git)`,
      '[ "$1" = receive-pack ] || exec "$real" "$@"',
      `first='${gate.file}'.$$`,
      '{',
      `head -c ${bytes} > "$first"`,
      'cat "$first"',
      // An advertisement takes a flush-pkt and no more.
      `if [ $(wc -c < "$first") -eq ${bytes} ]; then`,
      gate.shell(),
      'fi',
      'cat',
      `} | tee '${gate.file}.copy' | "$real" "$@"`,
    ];
    writeFileSync(join(folder, 'git'), `${script.join('\n')}\n`, { mode: 0o755 });
    return `${folder}:${process.env['PATH']}`;
  }

  /** A GIT_SSH_COMMAND that sends the first `bytes` of a push, and the rest once the gate is open. */
  slowSsh(gate: Gate, bytes: number): string {
    const program = `${gate.file}-ssh`;
    const ssh = this.key?.env.GIT_SSH_COMMAND ?? 'ssh';
    const script = ['#!/bin/sh', '{', `head -c ${bytes}`, gate.shell(), 'cat', `} | ${ssh} "$@"`];
    writeFileSync(program, `${script.join('\n')}\n`, { mode: 0o755 });
    return program;
  }

  /** Installs a hook of the upstream that says when it runs, and goes on when it is told to. */
  waitingHook(name: string, hook: 'pre-receive' | 'update' | 'post-receive', exit = 0): Gate {
    const gate = new Gate(join(this.base, `${name}-${hook}`));
    writeHook(this.gitDir(name), hook, `${gate.shell()}\nexit ${exit}`);
    return gate;
  }
}

/** A client that can be killed with all that it started. */
export class StartedPush {
  /** Resolves with the exit status, null after a kill, and what was on stderr. */
  readonly ended: Promise<{ status: number | null; stderr: string }>;
  readonly #child: ChildProcess;

  constructor(child: ChildProcess) {
    this.#child = child;
    let stderr = '';
    child.stderr?.on('data', (piece: Buffer) => {
      stderr += piece.toString();
    });
    this.ended = new Promise((resolve) => {
      child.once('close', (status) => resolve({ status, stderr }));
    });
  }

  /** SIGKILL for the whole process group: the person closes the terminal. */
  async hangUp(): Promise<void> {
    process.kill(-(this.#child.pid ?? 0), 'SIGKILL');
    await this.ended;
  }
}

/** A scene that is ready; everything of it ends with the test. */
export async function makeScene(t: Pick<TestContext, 'after'>, options: SceneOptions = {}): Promise<Scene> {
  const scene = new Scene(t, options);
  await scene.prepare();
  return scene;
}

/** For what is made in `before`: it ends after the last test of the file, the newest first. */
export function endsWithFile(): Pick<TestContext, 'after'> {
  const endings: (() => unknown)[] = [];
  afterAll(async () => {
    for (const end of endings.reverse()) await end();
  });
  return { after: (end) => void endings.push(end as () => unknown) };
}

/** A point that something else reaches, and does not pass before `open`. */
export class Gate {
  readonly file: string;

  constructor(file: string) {
    this.file = file;
  }

  /** Resolves once somebody waits here. */
  reached(): Promise<void> {
    return until(`${this.file} is reached`, () => existsSync(`${this.file}.here`));
  }

  open(): void {
    writeFileSync(this.file, '');
  }

  /** Lines of sh that wait here, for 30 s at most, and leave their parent's process id in FILE.here. */
  shell(): string {
    return [
      // At once with its content: whoever sees the file reads it.
      `echo $PPID > '${this.file}.new' && mv '${this.file}.new' '${this.file}.here'`,
      'tries=0',
      `while [ ! -e '${this.file}' ] && [ $tries -lt 1500 ]; do sleep 0.02; tries=$((tries + 1)); done`,
    ].join('\n');
  }
}

export function writeHook(gitDir: string, hook: string, script: string): void {
  mkdirSync(join(gitDir, 'hooks'), { recursive: true });
  writeFileSync(join(gitDir, 'hooks', hook), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
}

async function tipsOf(gitDir: string): Promise<Tips> {
  const lines = await git(['for-each-ref', '--format=%(refname:short) %(objectname)', 'refs/heads'], {
    cwd: gitDir,
  });
  return Object.fromEntries(lines.split('\n').map((line) => line.split(' ') as [string, string]));
}

/** Waits until something is so, for `patience` milliseconds at most. */
export async function until(
  what: string,
  isSo: () => boolean | Promise<boolean>,
  patience = 20_000,
): Promise<void> {
  const end = performance.now() + patience;
  while (!(await isSo())) {
    if (performance.now() > end) throw new Error(`not so within ${patience / 1000} s: ${what}`);
    await sleep(20);
  }
}

/** Pushes of a repository, the newest first; the advertisement of HTTP is a session of its own and left out. */
export async function pushesOf(refgate: Refgate, name: string): Promise<readonly SessionSummary[]> {
  const all = await sessionsOf(refgate, name);
  return all.filter((one) => one.service === 'receive-pack' && one.mode !== 'advertise');
}

/** Every session of a repository, the newest first. */
export function sessionsOf(refgate: Refgate, name: string): Promise<readonly SessionSummary[]> {
  return admin(refgate, 'GET', `/sessions?limit=1000&repo=${encodeURIComponent(`acme/${name}`)}`);
}

/** Waits until every session of the repository is closed, and every push that was decided is reported or settled. */
export async function untilSettled(refgate: Refgate, name: string): Promise<void> {
  await until(`the sessions of ${name} are settled`, async () => {
    for (const session of await sessionsOf(refgate, name)) {
      if (session.closedAt === undefined) return false;
      const events = await eventsOf(refgate, session.id);
      const isEnded = find(events, 'push.reported') ?? find(events, 'push.settled');
      if (find(events, 'push.decided')?.data.relay.length && !isEnded) return false;
    }
    return true;
  });
}

/** The events of the newest push of a repository. */
export async function lastPush(refgate: Refgate, name: string): Promise<readonly LedgerEvent[]> {
  const [push] = await pushesOf(refgate, name);
  if (push === undefined) throw new Error(`nobody pushed to ${name}`);
  return eventsOf(refgate, push.id);
}

export function eventsOf(refgate: Refgate, session: string): Promise<readonly LedgerEvent[]> {
  return admin(refgate, 'GET', `/sessions/${session}`);
}

/** The only event of its code in the session; undefined when there is none. */
export function find<C extends EventCode>(
  events: readonly LedgerEvent[],
  code: C,
): LedgerEvent<C> | undefined {
  const found = events.filter((event): event is LedgerEvent<C> => event.code === code);
  if (found.length > 1) throw new Error(`${code} is there ${found.length} times`);
  return found[0];
}

/** The outcomes of a settled push by ref; undefined when it was not settled. */
export function settledAs(events: readonly LedgerEvent[]): Readonly<Record<string, string>> | undefined {
  const settled = find(events, 'push.settled');
  return settled && Object.fromEntries(settled.data.refs.map(({ ref, outcome }) => [ref, outcome]));
}

/** Recomputes the ledger; throws when it is not whole. */
export async function verifyLedger(refgate: Refgate): Promise<void> {
  const { done, error } = await admin<{ done?: unknown; error?: unknown }>(refgate, 'POST', '/audit/verify');
  if (done === undefined) throw new Error(`the ledger is not whole: ${JSON.stringify(error)}`);
}

/** The processes that a process started and that still run, with theirs. */
export function descendants(pid: number): number[] {
  let children: string;
  try {
    children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8');
  } catch {
    return [];
  }
  return children
    .split(' ')
    .filter((one) => one !== '')
    .map(Number)
    .flatMap((child) => [child, ...descendants(child)]);
}

/** The agent of a server that runs. */
export function agentOf(refgate: Refgate): number {
  const found = descendants(refgate.pid).find((pid) =>
    readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('agent/main.js'),
  );
  if (found === undefined) throw new Error('the server has no agent');
  return found;
}

export function isAlive(pid: number): boolean {
  try {
    // A zombie has ended.
    return !/^State:\s+[ZX]/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}
