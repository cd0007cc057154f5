/** What the tests of held pushes share: reviewers, pushes that wait in a process of their own, and votes. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { stringify } from 'yaml';
import type { HeldPush, VoteKind } from '../../src/domain/approval.ts';
import { admin, registerUser } from '../support/admin-call.ts';
import type { Bastion, Person } from '../support/bastion.ts';
import { type GitRun, gitEnv } from '../support/git.ts';
import { type Refgate, startRefgate } from '../support/refgate.ts';

/** ann pushes; what is below deploy/ on main waits for one of the reviewers. */
export function askingPolicy(
  ask: Readonly<Record<string, unknown>> = {},
  rules: readonly object[] = [],
): object {
  return {
    access: [{ who: { group: 'dev' }, repo: ['ssh/*', 'http/*', 'path/*'], may: ['read', 'write'] }],
    rules: [
      {
        name: 'deploys-are-reviewed',
        when: { ref: 'refs/heads/main' },
        then: { ask: { group: 'reviewers', ...ask } },
      },
      ...rules,
    ],
  };
}

/** Registers somebody who may vote, and gives their token. */
export async function addReviewer(refgate: Refgate, name: string, args?: readonly string[]): Promise<string> {
  if (args === undefined) return registerUser(refgate, { name, groups: ['reviewers'], role: 'reviewer' });
  await refgate.ok(['user', 'add', name, ...args]);
  const made = await refgate.ok(['token', 'create', name, '--ttl', '8h', '--json']);
  return (JSON.parse(made) as { token: string }).token;
}

/** A git that runs while the test goes on. */
export class BackgroundGit {
  readonly #child: ChildProcess;
  #out = '';
  #err = '';
  readonly done: Promise<GitRun>;

  constructor(args: readonly string[], cwd: string, env: Readonly<Record<string, string | undefined>>) {
    const child = spawn('git', args, {
      cwd,
      env: gitEnv(env),
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
    });
    this.#child = child;
    child.stdout.on('data', (piece: Buffer) => {
      this.#out += piece.toString();
    });
    child.stderr.on('data', (piece: Buffer) => {
      this.#err += piece.toString();
    });
    this.done = once(child, 'close').then(([code]) => ({
      status: (code as number | null) ?? 137,
      stdout: this.#out,
      stdoutBytes: Buffer.from(this.#out),
      stderr: this.#err,
    }));
  }

  get isRunning(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  get stderr(): string {
    return this.#err;
  }

  /** Waits until git has said something that matches. */
  async says(pattern: RegExp, ms = 20_000): Promise<RegExpExecArray> {
    for (const end = Date.now() + ms; ; await sleep(20)) {
      const found = pattern.exec(this.#err);
      if (found) return found;
      if (Date.now() > end || !this.isRunning)
        throw new Error(
          `git ${this.isRunning ? 'has not said' : 'ended without saying'} ${pattern}: ${this.#err}`,
        );
    }
  }

  /** The id of the held push that git waits for. */
  async heldId(): Promise<string> {
    const [, id = ''] = await this.says(/(p-[a-z0-9]{7})[ :,]/);
    return id;
  }

  /** As closing the terminal does: git, and the ssh or remote-http that it started. */
  async kill(): Promise<void> {
    const { pid } = this.#child;
    if (this.isRunning && pid !== undefined) process.kill(-pid, 'SIGKILL');
    await this.done;
  }
}

/** Begins a git as the person. */
export function begin(
  t: { after(close: () => unknown): void },
  bastion: Bastion,
  args: readonly string[],
  cwd: string,
  person: Person = 'ann',
): BackgroundGit {
  const run = new BackgroundGit(args, cwd, bastion.logins[person].env);
  t.after(() => run.kill());
  return run;
}

/** What the API answers: its status and its JSON. */
export interface Answer<T> {
  readonly status: number;
  readonly body: T;
}

export async function api<T>(
  refgate: Pick<Refgate, 'http'>,
  token: string,
  path: string,
  body?: object,
): Promise<Answer<T>> {
  const answer = await fetch(`${refgate.http}/-/api/v1${path}`, {
    method: body === undefined ? 'GET' : 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  return { status: answer.status, body: (await answer.json()) as T };
}

/** Votes as whose token it is; must be taken. */
export async function vote(
  refgate: Pick<Refgate, 'http'>,
  token: string,
  id: string,
  kind: VoteKind,
  reason?: string,
): Promise<void> {
  const body = reason === undefined ? { kind } : { kind, reason };
  const answer = await api(refgate, token, `/pushes/${id}/votes`, body);
  if (answer.status !== 200) throw new Error(`vote gave ${answer.status}: ${JSON.stringify(answer.body)}`);
}

/** The held push as the operator sees it. */
export async function heldPush(refgate: Refgate, id: string): Promise<HeldPush> {
  return (await admin<{ push: HeldPush }>(refgate, 'GET', `/pushes/${id}`)).push;
}

/** Puts a policy in force. */
export async function putInForce(refgate: Refgate, policy: object): Promise<void> {
  await admin(refgate, 'POST', '/policy/apply', { text: stringify(policy), file: 'asking.yaml' });
}

/** Waits until the push is in one of these states. */
export async function becomes(
  refgate: Refgate,
  id: string,
  states: readonly HeldPush['state'][],
  ms = 20_000,
): Promise<HeldPush> {
  for (const end = Date.now() + ms; ; await sleep(50)) {
    const push = await heldPush(refgate, id);
    if (states.includes(push.state)) return push;
    if (Date.now() > end) throw new Error(`${id} is ${push.state}, not ${states.join(' or ')}`);
  }
}

/** Starts a server again on the data of one that was stopped or killed; its ports are new. */
export async function startAgain(t: { after(close: () => unknown): void }, old: Refgate): Promise<Refgate> {
  return startRefgate(t, {
    dir: old.dir,
    config: readFileSync(old.configFile, 'utf8'),
    policy: readFileSync(`${old.dir}/policy.yaml`, 'utf8'),
  });
}
