import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { RefgateError } from '../domain/error.ts';
import type { Directory } from '../domain/identity.ts';
import { newKeyPair } from '../transport/ssh/new-key.ts';

const configText = `# The demo's configuration; docs/configuration.md explains every key.
data: ./data
listen:
  ssh: 127.0.0.1:2222
  http: 127.0.0.1:8080
  ops: 127.0.0.1:9090
upstreams:
  sample:
    path: { root: ./upstream }
repos:
  - { path: "acme/*", upstream: sample }
masking: { enable: auto }
policy: policy.yaml
`;

const policyText = `# The demo's policy; docs/policy.md explains the language.
access:
  - { who: { group: dev }, repo: "acme/*", may: [read, write] }
  - { who: { kind: service, name: "copilot-*" }, repo: acme/web, may: [read, write], read: masked, only: "refs/heads/copilot/**" }
rules:
  - name: history-is-kept
    when: { ref: ["refs/heads/main", "refs/heads/release/**"], change: [delete, non-fast-forward] }
    then: deny
    say: "push a new commit that reverts, or work on a branch of your own"
  - name: releases-are-final
    when: { ref: "refs/tags/v*", change: [update, delete] }
    then: deny
    say: "make a new tag"
  - name: no-secrets
    when: { secret: any }
    then: deny
  - name: maybe-secrets
    when: { secret: { confidence: low } }
    then: warn
  - name: no-programs
    when: { file: { type: [elf, pe, mach-o] }, change: [add, modify] }
    then: deny
    say: "publish it as a release asset"
  - name: deploys-are-reviewed
    when: { ref: "refs/heads/main", path: "deploy/**" }
    then: { ask: { group: reviewers, approvals: 1, within: 30m, reason: true } }
tests:
  - { name: a push to main passes, who: { user: alice, groups: [dev] }, repo: acme/web, updates: [{ ref: refs/heads/main, change: fast-forward }], expect: allow }
  - { name: main keeps its history, who: { user: alice, groups: [dev] }, repo: acme/web, updates: [{ ref: refs/heads/main, change: non-fast-forward }], expect: deny, rule: history-is-kept }
  - { name: a secret stays out, who: { user: alice, groups: [dev] }, repo: acme/web, updates: [{ ref: refs/heads/main, change: fast-forward }], secrets: [{ rule: github-pat, confidence: high, path: src/config.ts }], expect: deny, rule: no-secrets }
  - { name: a deploy waits for a reviewer, who: { user: alice, groups: [dev] }, repo: acme/web, updates: [{ ref: refs/heads/main, change: fast-forward }], files: [{ path: deploy/web.yaml, change: add }], expect: ask, rule: deploys-are-reviewed }
`;

/** Three commits on main, as a git-fast-import(1) stream; the last brings a token that nobody gave out, made up here. */
const sampleHistory = (): string => `blob
mark :1
data 30
# acme/web

A sample project.

commit refs/heads/main
mark :2
author Ada Sample <ada@example.com> 1767258000 +0000
committer Ada Sample <ada@example.com> 1767258000 +0000
data 14
Begin acme/web
M 100644 :1 README.md

blob
mark :3
data 33
export const greeting = 'hello';

commit refs/heads/main
mark :4
author Ada Sample <ada@example.com> 1767261600 +0000
committer Ada Sample <ada@example.com> 1767261600 +0000
data 13
Say something
from :2
M 100644 :3 src/greeting.ts

commit refs/heads/main
mark :5
author Ada Sample <ada@example.com> 1767265200 +0000
committer Ada Sample <ada@example.com> 1767265200 +0000
data 22
Configure the service
from :4
M 100644 inline config/service.env
${data(`host = gitlab.example.com\ntoken = ${madeUpToken()}\nretries = 3\n`)}
`;

const data = (text: string): string => `data ${text.length}\n${text}`;

/** Of the form of GitLab's personal access tokens. */
const madeUpToken = (): string => ['gl', 'pat-', randomBytes(10).toString('hex')].join('');

/**
 * Makes what is missing of the demo in `folder`: a sample upstream, a
 * configuration, a policy and a key for alice. What is there is left alone.
 * @returns the configuration file
 */
export function prepareDemo(folder: string): string {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const config = join(folder, 'refgate.yaml');
  writeMissing(config, configText);
  writeMissing(join(folder, 'policy.yaml'), policyText);
  makeUpstream(join(folder, 'upstream', 'acme', 'web.git'));
  const key = join(folder, 'alice');
  if (!existsSync(key)) {
    const pair = newKeyPair('alice@demo');
    writeFileSync(`${key}.pub`, `${pair.public}\n`);
    writeFileSync(key, pair.private, { mode: 0o600 });
  }
  return config;
}

function writeMissing(file: string, text: string): void {
  if (!existsSync(file)) writeFileSync(file, text);
}

function makeUpstream(repo: string): void {
  if (existsSync(join(repo, 'HEAD'))) return;
  mkdirSync(repo, { recursive: true });
  try {
    execFileSync('git', ['init', '--quiet', '--bare', '--initial-branch=main', repo]);
    execFileSync('git', ['-C', repo, 'fast-import', '--quiet'], { input: sampleHistory() });
  } catch (cause) {
    throw new RefgateError('CONFIG_INVALID', 'operator', 'the demo needs git 2.28 or newer on the PATH', {
      cause,
    });
  }
}

/** Registers the demo's people once, and gives each a token that lives a week, in `NAME.token`. */
export async function registerDemoUsers(folder: string, directory: Directory): Promise<void> {
  const actor = 'demo';
  const known = new Set((await directory.users()).map((user) => user.name));
  if (!known.has('alice')) {
    await directory.addUser({ name: 'alice', kind: 'person', groups: ['dev'], role: 'user' }, actor);
    await directory.addKey('alice', readFileSync(join(folder, 'alice.pub'), 'utf8').trim(), actor);
  }
  if (!known.has('carol')) {
    await directory.addUser(
      { name: 'carol', kind: 'person', groups: ['reviewers'], role: 'reviewer' },
      actor,
    );
  }
  if (!known.has('dana'))
    await directory.addUser({ name: 'dana', kind: 'person', groups: [], role: 'admin' }, actor);
  if (!known.has('copilot-demo'))
    await directory.addUser({ name: 'copilot-demo', kind: 'service', groups: [], role: 'user' }, actor);
  for (const name of ['alice', 'carol', 'copilot-demo', 'dana'])
    await keepToken(folder, directory, name, actor);
}

async function keepToken(folder: string, directory: Directory, name: string, actor: string): Promise<void> {
  const alive = (await directory.tokens(name)).some(
    (token) => token.revokedAt === undefined && Date.parse(token.expiresAt) > Date.now() + 3_600_000,
  );
  const file = join(folder, `${name}.token`);
  if (alive && existsSync(file)) return;
  const { token } = await directory.createToken(name, 7 * 86_400_000, actor);
  writeFileSync(file, token, { mode: 0o600 });
}

export interface DemoAddresses {
  readonly folder: string;
  /** `host:port` */
  readonly ssh: string;
  /** `http://host:port` */
  readonly http: string;
  /** The host's public key, as one line of known_hosts without the host. */
  readonly hostKey: string;
}

/** What ssh needs to come in as alice; its own quoting, so that a folder may be named with spaces. */
function sshConfig(folder: string): string {
  const quoted = (name: string): string => `"${join(folder, name).replaceAll('%', '%%')}"`;
  return `Host *
  IdentityFile ${quoted('alice')}
  IdentitiesOnly yes
  UserKnownHostsFile ${quoted('known_hosts')}
  StrictHostKeyChecking yes
`;
}

/** Writes known_hosts and ssh_config, and gives the commands to copy, for a shell in the current folder. */
export function demoStory({ folder, ssh, http, hostKey }: DemoAddresses): string {
  const [host = '', port = ''] = ssh.split(':');
  writeFileSync(join(folder, 'known_hosts'), `[${host}]:${port} ${hostKey}\n`);
  writeFileSync(join(folder, 'ssh_config'), sshConfig(folder));
  const path = (name: string): string => join(relative(process.cwd(), folder) || '.', name);
  const at = (name: string): string => (/^[\w./-]+$/.test(path(name)) ? path(name) : `'${path(name)}'`);
  const tokenOf = (name: string): string => readFileSync(join(folder, `${name}.token`), 'utf8');
  const urlOf = (name: string): string => {
    const url = new URL(`${http}/acme/web.git`);
    url.username = name;
    url.password = tokenOf(name);
    return url.href;
  };
  return `
Refgate is running. In another terminal, in this folder:

  # 1. clone through the bastion, with alice's key
  export GIT_SSH_COMMAND="ssh -F '$PWD/${path('ssh_config')}'"
  git clone ssh://git@${ssh}/acme/web.git ${at('web')}
  cd ${at('web')} && git config user.name Alice && git config user.email alice@example.com

  # 2. a push that passes
  echo "more" >> README.md && git commit -am "Write more" && git push

  # 3. a push with a secret that is refused, and the way out of it
  ssh-keygen -q -t ed25519 -N '' -f deploy_key && git add deploy_key && git commit -m "Add a key" && git push
  git reset --hard HEAD~1 && rm -f deploy_key deploy_key.pub

  # 4. a force push that is refused
  git commit --amend -m "Rewrite history" && git push --force

  # 5. a deletion that is refused
  git push origin --delete main

  # 6. the same repository over HTTP, with alice's token
  git ls-remote ${urlOf('alice')}

  # 7. a push that waits for a reviewer: it says which page, and goes on once carol approves it there
  git reset --hard origin/main && mkdir -p deploy && echo "replicas: 3" > deploy/web.yaml
  git add deploy && git commit -m "Deploy the site" && git push

  #    the page is ${http}/-/ ; carol signs in there with this token:
  #    ${tokenOf('carol')}

  # 8. or, instead of the page, in a third terminal: carol looks at the newest push that waits, and approves it
  export REFGATE_URL=${http} REFGATE_TOKEN=${tokenOf('carol')}
  id=$(node bin/refgate.js push list --json | grep -o 'p-[a-z0-9]*' | head -1)
  node bin/refgate.js push show $id
  node bin/refgate.js push approve $id --reason "looks right"

  # 9. a coding agent clones: a placeholder stands where the token is; what it changes beside it arrives at the original
  cd - && git clone ${urlOf('copilot-demo')} ${at('agent')}
  cd ${at('agent')} && git config user.name Copilot && git config user.email copilot@example.com && cat config/service.env
  sed -i 's/retries = 3/retries = 5/' config/service.env && git commit -am "Try more often"
  git push origin HEAD:refs/heads/copilot/retries
  cd - && cd ${at('web')} && git fetch && git show origin/copilot/retries

  # 10. what happened, from the ledger
  cd - && node bin/refgate.js --config ${at('refgate.yaml')} session list
  node bin/refgate.js --config ${at('refgate.yaml')} audit verify

dana is the administrator; her token for the pages: ${tokenOf('dana')}
Everything is in ${folder}; remove that folder to begin anew. Stop with Ctrl-C.
`;
}
