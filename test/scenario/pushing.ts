/** What the tests of pushes share: clients' repositories, policies, and what git said, without what changes every time. */
import { join } from 'node:path';
import type { LedgerEvent } from '../../src/domain/record.ts';
import { admin } from '../support/admin-call.ts';
import type { Bastion } from '../support/bastion.ts';
import { type GitRun, git } from '../support/git.ts';
import { data, fastImport, makeRepo } from '../support/repos.ts';

/** Puts a policy in force, and gives its version. */
export async function applyPolicy(bastion: Bastion, policy: string): Promise<string> {
  const file = join(bastion.dir, 'policy-to-apply.yaml');
  const body = { text: policy, file };
  return (await admin<{ version: string }>(bastion.refgate, 'POST', '/policy/apply', body)).version;
}

/** Registers a user with a token, and gives the URL of a repository over HTTP as theirs. */
export async function addUser(
  bastion: Bastion,
  name: string,
  args: readonly string[],
): Promise<(repo: string) => string> {
  await bastion.refgate.ok(['user', 'add', name, ...args]);
  const made = await bastion.refgate.ok(['token', 'create', name, '--ttl', '1h', '--json']);
  const { token } = JSON.parse(made) as { token: string };
  return (repo) => {
    const url = new URL(`${bastion.refgate.http}/${repo}.git`);
    url.username = name;
    url.password = token;
    return url.href;
  };
}

/**
 * Makes the client's repository: `main` of five commits; `fork`, which leaves it
 * after the second; `topic`, two commits on top of it; and `other`, with no commit in common.
 */
export async function makeForked(gitDir: string): Promise<void> {
  await makeRepo(gitDir, 'linear', { count: 5 });
  const commit = (ref: string, second: number, from: string): string =>
    `commit refs/heads/${ref}\ncommitter Ann Author <ann@example.com> ${1_700_000_100 + second} +0000\n${data(`${ref} ${second}\n`)}${from}M 100644 inline ${ref}.txt\n${data(`${ref} ${second}\n`)}\n`;
  await fastImport(
    gitDir,
    commit('fork', 1, 'from refs/heads/main~3\n') +
      commit('topic', 2, 'from refs/heads/main^0\n') +
      commit('topic', 3, '') +
      commit('other', 4, ''),
  );
}

/** What git said on stderr: session and policy by their place, and without the spaces with which git clears a line. */
export function said({ stderr }: GitRun): readonly string[] {
  return stderr
    .replace(/\bs-[0-9a-z]{17}\b/g, 'SESSION')
    .replace(/\bpolicy [0-9a-f]{12}\b/g, 'policy VERSION')
    .replace(/(ssh|https?):\/\/\S*?\/([^/\s]+\/[^/\s]+)\.git/g, '$2')
    .split('\n')
    .map((line) => line.trimEnd())
    .filter((line) => line !== '');
}

/** The oid of a ref on the upstream; empty when it is not there. */
export async function tip(gitDir: string, ref: string): Promise<string> {
  return git(['for-each-ref', '--format=%(objectname)', ref], { cwd: gitDir });
}

/** The session that git named in what it said. */
export function sessionIn({ stderr }: GitRun): string {
  const id = /\((?:session )(s-[0-9a-z]{17})/.exec(stderr)?.[1];
  if (id === undefined) throw new Error(`no session in: ${stderr}`);
  return id;
}

/** The data of the events with this code, in order. */
export function dataOf<C extends LedgerEvent['code']>(
  events: readonly LedgerEvent[],
  code: C,
): readonly LedgerEvent<C>['data'][] {
  return events.filter((event): event is LedgerEvent<C> => event.code === code).map((event) => event.data);
}
