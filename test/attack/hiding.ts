/**
 * A whole Refgate before repositories on this disk, for pushes that hide
 * something: real secrets made at run time, histories that are pushed branch by branch, and what became of each ref.
 */
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { stringify } from 'yaml';
import type { LedgerEvent, SessionSummary } from '../../src/domain/record.ts';
import { checks } from '../../src/inspect/secrets/checks/index.ts';
import { generate, seededRandom } from '../../src/inspect/secrets/rules/token-sample.ts';
import { admin, eventsOf } from '../fault/scene.ts';
import { type CommitOf, historyOf } from '../inspect/contents/walk-fixture.ts';
import { dataOf } from '../scenario/pushing.ts';
import { linesOf, post } from '../scenario/raw-push.ts';
import { type Bastion, type BastionOptions, type Door, startBastion } from '../support/bastion.ts';
import { type GitRun, git, initBare, runGit } from '../support/git.ts';

/** A GitHub token whose checksum is right; another one for each number. */
export const token = (n = 1): string =>
  generate('ghp_{an:36}', seededRandom(4_000 + n), checks['github-crc32']);

export const noSecrets = { name: 'no-secrets', when: { secret: 'any' }, then: 'deny' };

export interface HidingPolicy {
  readonly rules?: readonly object[];
  readonly [key: string]: unknown;
}

/** A policy of which everybody who may write may push everything but what the rules deny. */
export function policyOf({ rules = [noSecrets], ...more }: HidingPolicy = {}): string {
  const line = { who: { group: 'dev' }, repo: 'path/*', may: ['read', 'write'], pushOptions: ['**'] };
  return stringify({ access: [line], rules, ...more });
}

/** What became of one ref: no effect where the push was refused before it was judged. */
export interface Fate {
  readonly effect: 'allow' | 'ask' | 'deny';
  /** Names of the rules that spoke, and codes of the built-in checks. */
  readonly rules: readonly string[];
  readonly text: string;
}

export interface Story {
  readonly source: string;
  /** The repository on the upstream's disk. */
  readonly upstream: string;
  readonly oids: Readonly<Record<string, string>>;
}

export class Hiding {
  readonly bastion: Bastion;

  constructor(bastion: Bastion) {
    this.bastion = bastion;
  }

  async policy(policy: HidingPolicy): Promise<void> {
    const order = { text: policyOf(policy), file: 'hiding.yaml' };
    await admin(this.bastion.refgate, 'POST', '/policy/apply', order);
  }

  /** Makes the commits in a client's repository, and gives the upstream the branches named in `there`. */
  async story(
    name: string,
    commits: readonly CommitOf[],
    there: readonly string[] = ['base'],
  ): Promise<Story> {
    const source = join(this.bastion.dir, `${name}-client.git`);
    const upstream = this.bastion.gitDir(name);
    const oids = await historyOf(source, commits);
    await initBare(upstream);
    if (there.length > 0) await git(['push', '--quiet', upstream, ...there.map(branch)], { cwd: source });
    return { source, upstream, oids };
  }

  /** Runs `git push` of the refspecs through a door. */
  push(name: string, refspecs: readonly string[], door: Door = 'http'): Promise<GitRun> {
    const cwd = join(this.bastion.dir, `${name}-client.git`);
    return this.bastion.run(['push', this.bastion.url(door, 'path', name), ...refspecs], { cwd });
  }

  /** Sends a request by hand; gives the lines of the report, and of band 2 with a 2 before them. */
  async send(name: string, body: Buffer): Promise<readonly string[]> {
    const answer = await post(this.bastion, `path/${name}`, body);
    if (answer.status !== 200) throw new Error(`${answer.status} ${answer.body.toString()}`);
    return linesOf(answer.body, true);
  }

  /** The events of the newest push. */
  async events(name: string): Promise<readonly LedgerEvent[]> {
    const repo = encodeURIComponent(`path/${name}`);
    const { refgate } = this.bastion;
    const all = await admin<readonly SessionSummary[]>(refgate, 'GET', `/sessions?limit=5&repo=${repo}`);
    const newest = all.find((one) => one.service === 'receive-pack' && one.mode !== 'advertise');
    if (newest === undefined) throw new Error(`nobody pushed to ${name}`);
    return eventsOf(refgate, newest.id);
  }

  /** What was decided of the newest push, by ref without `refs/heads/`. */
  async fates(name: string): Promise<Readonly<Record<string, Fate>>> {
    const [decided] = dataOf(await this.events(name), 'push.decided');
    return Object.fromEntries(
      (decided?.refs ?? []).map(({ ref, effect, reasons }) => [
        ref.replace('refs/heads/', ''),
        { effect, rules: reasons.map(({ rule }) => rule), text: reasons.map(({ text }) => text).join('\n') },
      ]),
    );
  }
}

const branch = (name: string): string => `refs/heads/${name}`;

/** A bastion under a policy; it ends with the test. */
export async function hide(
  t: Pick<TestContext, 'after'>,
  policy: HidingPolicy = {},
  options: BastionOptions = {},
): Promise<Hiding> {
  const hiding = new Hiding(await startBastion(t, options));
  await hiding.policy(policy);
  return hiding;
}

/** Whether a repository has an object, in whatever way. */
export async function has(gitDir: string, oid: string): Promise<boolean> {
  return (await runGit(['cat-file', '-e', oid], { cwd: gitDir })).status === 0;
}

/** Makes an object as it is told, without a question. */
export function writeObject(gitDir: string, type: string, content: string | Buffer): Promise<string> {
  return git(['hash-object', '-t', type, '-w', '--stdin', '--literally'], { cwd: gitDir, input: content });
}

export const base: CommitOf = { name: 'base', files: { 'readme.txt': 'hello\n' } };
