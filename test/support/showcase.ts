/**
 * A server as it is after a few days of work, for pictures of its pages: people
 * of every role, a past in the ledger, and real pushes that passed, were
 * refused, wait, and were decided.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { checks } from '../../src/inspect/secrets/checks/index.ts';
import { generate, seededRandom } from '../../src/inspect/secrets/rules/token-sample.ts';
import { makeClientKey } from './client.ts';
import { git, gitEnv, initBare, runGit } from './git.ts';
import { recordPast } from './past-week.ts';
import { type Refgate, startRefgate } from './refgate.ts';

const people = {
  alice: ['--group', 'dev', '--email', 'alice@example.com'],
  bob: ['--group', 'dev', '--email', 'bob@example.com'],
  chen: ['--group', 'dev', '--group', 'reviewers', '--role', 'reviewer', '--email', 'chen@example.com'],
  carol: ['--group', 'reviewers', '--role', 'reviewer', '--email', 'carol@example.com'],
  dana: ['--group', 'on-call', '--group', 'reviewers', '--role', 'admin'],
  aud: ['--role', 'auditor'],
  'copilot-web': ['--service', '--group', 'agents', '--owner', 'bob'],
  mirror: ['--service', '--owner', 'dana'],
} as const;

export type Shown = keyof typeof people;

const policy = `# Who may do what at acme; refgate policy test runs the tests below.
access:
  - { who: { group: dev }, repo: "acme/*", may: [read, write] }
  - { who: { kind: service, name: "copilot-*" }, repo: acme/web, may: [read, write] }
  - { who: { user: mirror }, repo: "acme/*", may: read }
rules:
  - name: history-is-kept
    when: { ref: [refs/heads/main, "refs/heads/release/**"], change: [delete, non-fast-forward] }
    then: deny
    say: "push a new commit that reverts, or work on a branch of your own"
  - name: no-secrets
    when: { secret: any, not: { path: "deploy/**" } }
    then: deny
  - name: deploys-are-reviewed
    when: { ref: refs/heads/main, path: ["deploy/**", ".github/workflows/**"] }
    then: { ask: { group: reviewers, approvals: 1, within: 4h, reason: true, breakGlass: on-call } }
    say: "say in the reason what was checked"
  - name: releases-need-two
    when: { ref: "refs/heads/release/**" }
    then: { ask: { group: reviewers, approvals: 2, within: 8h } }
  - name: agents-do-not-merge
    when: { ref: refs/heads/main, who: { kind: service } }
    then: { ask: { group: reviewers, within: 1d } }
tests:
  - name: nobody rewrites main
    who: { user: alice, groups: [dev] }
    repo: acme/web
    updates: [{ ref: refs/heads/main, change: non-fast-forward }]
    expect: deny
    rule: history-is-kept
`;

const begin = {
  'README.md': '# acme/web\n\nThe shop.\n',
  'src/checkout.ts': `import { priceOf } from './prices.ts';

export interface Line {
  readonly article: string;
  readonly count: number;
}

/** What the customer pays, in cents. */
export function totalOf(lines: readonly Line[]): number {
  let total = 0;
  for (const line of lines) {
    total += priceOf(line.article) * line.count;
  }
  return total;
}
`,
  'deploy/web.yaml': `apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
spec:
  replicas: 2
  template:
    spec:
      containers:
        - name: web
          image: registry.example.com/web:1.8.2
          env:
            - name: REGION
              value: eu-central
`,
  '.github/workflows/ci.yml':
    'on: push\njobs:\n  test:\n    runs-on: ubuntu-latest\n    steps:\n      - run: npm test\n',
} as const;

/** Starts it below `dir`; it ends with `t`. */
export async function startShowcase(
  t: { after(close: () => unknown): void },
  dir: string,
): Promise<Showcase> {
  const root = join(dir, 'upstream');
  const home = join(dir, 'refgate');
  mkdirSync(home, { recursive: true });
  await Promise.all(['web', 'api', 'infra'].map((name) => makeUpstream(join(root, 'acme', `${name}.git`))));
  await makeOldUpstream(join(root, 'acme', 'billing.git'));
  const key = await makeClientKey(dir);
  const hostKey = key.publicLine.split(' ', 2).join(' ');
  await recordPast(join(home, 'data'), Date.now() - 3_600_000, 24);
  const refgate = await startRefgate(t, {
    dir: home,
    policy,
    config: {
      upstreams: {
        ghe: { ssh: { url: 'ssh://git@ghe.example.com', hostKeys: [hostKey] } },
        host: { path: { root } },
      },
      repos: [
        { path: 'acme/*', upstream: 'host' },
        { path: 'legacy/*', upstream: 'ghe', to: 'old-team/*' },
      ],
    },
  });
  const tokens = new Map<Shown, string>();
  for (const [name, args] of Object.entries(people)) {
    await refgate.ok(['user', 'add', name, ...args]);
    const made = await refgate.ok(['token', 'create', name, '--ttl', '8h', '--json']);
    tokens.set(name as Shown, (JSON.parse(made) as { token: string }).token);
  }
  await refgate.ok(['deploy-key', 'import', '--upstream', 'ghe', '--file', key.file]);
  await refgate.ok(['key', 'add', 'alice', '-'], `${key.publicLine.replace(/ \S+$/, ' alice@laptop')}\n`);
  const showcase = new Showcase(t, dir, refgate, tokens, key.env);
  await showcase.fill();
  return showcase;
}

async function makeUpstream(gitDir: string): Promise<void> {
  await initBare(gitDir, 'sha1');
  const work = `${gitDir}.work`;
  await git(['clone', '-q', gitDir, work]);
  await commit(work, begin, 'Begin', 'Alice', 0);
  await git(['push', '-q', 'origin', 'HEAD:main', 'HEAD:release/2.4'], { cwd: work });
}

/** What a repository holds that is older than its bastion: tokens, and a password of the manual. */
async function makeOldUpstream(gitDir: string): Promise<void> {
  await makeUpstream(gitDir);
  const work = `${gitDir}.work`;
  const token = (seed: number): string => generate('ghp_{an:36}', seededRandom(seed), checks['github-crc32']);
  const url = `postgres://app:${generate('{an:12}', seededRandom(4_013), undefined)}@db.acme.test/billing`;
  await commit(
    work,
    { 'docs/install.md': `# Install\n\n    psql ${url}\n` },
    'Say how to install',
    'Alice',
    0,
  );
  await commit(work, { 'src/rates.ts': 'export const rate = 19;\n' }, 'Rates', 'Bob', 0);
  await commit(work, { 'deploy/env.sh': `TOKEN=${token(4_011)}\n` }, 'Deploy', 'Bob', 0);
  await commit(work, { 'src/rates.ts': 'export const rate = 7;\n' }, 'Rates of food', 'Bob', 0);
  await commit(work, { 'config.yaml': `token: ${token(4_012)}\nretries: 3\n` }, 'Configure', 'Alice', 0);
  await git(['push', '-q', 'origin', 'HEAD:main'], { cwd: work });
}

async function commit(
  work: string,
  files: Readonly<Record<string, string | Uint8Array>>,
  message: string,
  author: string,
  hours: number,
): Promise<void> {
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(join(work, path)), { recursive: true });
    writeFileSync(join(work, path), content);
  }
  const date = `${Math.floor(Date.now() / 1000) - 7_200 + hours * 600} +0000`;
  const email = `${author.toLowerCase()}@example.com`;
  const env = {
    GIT_AUTHOR_NAME: author,
    GIT_AUTHOR_EMAIL: email,
    GIT_AUTHOR_DATE: date,
    GIT_COMMITTER_NAME: author,
    GIT_COMMITTER_EMAIL: email,
    GIT_COMMITTER_DATE: date,
  };
  await git(['add', '-A'], { cwd: work, env });
  await git(['commit', '-qm', message], { cwd: work, env });
}

export class Showcase {
  readonly refgate: Refgate;
  readonly tokens: ReadonlyMap<Shown, string>;
  /** The held push with the most to see, and one that was decided. */
  shown = '';
  decided = '';
  readonly #t: { after(close: () => unknown): void };
  readonly #dir: string;
  readonly #sshEnv: Readonly<Record<string, string>>;
  #clones = 0;

  constructor(
    t: { after(close: () => unknown): void },
    dir: string,
    refgate: Refgate,
    tokens: ReadonlyMap<Shown, string>,
    sshEnv: Readonly<Record<string, string>>,
  ) {
    this.#t = t;
    this.#dir = dir;
    this.refgate = refgate;
    this.tokens = tokens;
    this.#sshEnv = sshEnv;
  }

  tokenOf(name: Shown): string {
    return this.tokens.get(name) ?? '';
  }

  /** Makes the pushes, the oldest first. */
  async fill(): Promise<void> {
    await this.refgate.ok(['mask', 'preview', 'acme/billing']);
    await this.refgate.ok(['mask', 'preview', 'acme/api']);
    await this.refgate.ok(['mask', 'enable', 'acme/api', '--wait']);
    await this.#passes();
    await this.#decisions();
    const releases = await this.#clone('bob', 'web');
    await commit(
      releases,
      { 'CHANGELOG.md': '# 2.4.1\n\n- Totals are rounded once.\n' },
      'Prepare 2.4.1',
      'Bob',
      1,
    );
    const two = await this.#hold('bob', releases, ['origin', 'HEAD:release/2.4'], false);
    await this.#vote('chen', two, 'approve', 'the list is complete');
    const agent = await this.#clone('copilot-web', 'web');
    await commit(
      agent,
      { 'test/checkout.test.ts': "import { totalOf } from '../src/checkout.ts';\n\ntotalOf([]);\n" },
      'Test the checkout',
      'Copilot',
      2,
    );
    await this.#hold('copilot-web', agent, ['origin', 'HEAD:main'], true);
    this.shown = await this.#bigPush();
  }

  async #passes(): Promise<void> {
    for (const [at, repo] of (['web', 'api', 'infra', 'api'] as const).entries()) {
      const user = at % 2 === 0 ? 'alice' : 'bob';
      const work = await this.#clone(user, repo);
      await commit(work, { [`docs/page-${at}.md`]: `Page ${at}\n` }, `Write page ${at}`, 'Alice', at);
      await this.#git(user, ['push', '-q', 'origin', `HEAD:refs/heads/feature/page-${at}`], work);
    }
    const work = await this.#clone('bob', 'api');
    const pat = generate('ghp_{an:36}', seededRandom(4_001), checks['github-crc32']);
    await commit(work, { 'src/config.ts': `export const token = '${pat}';\n` }, 'Configure', 'Bob', 3);
    await this.#git('bob', ['push', '-q', 'origin', 'HEAD:refs/heads/feature/config'], work);
    await this.#git('bob', ['push', '-q', 'origin', '+HEAD~1:refs/heads/main'], work);
  }

  async #decisions(): Promise<void> {
    const decide = async (file: string, kind: 'approve' | 'deny', reason: string): Promise<string> => {
      const work = await this.#clone('alice', 'api');
      await commit(work, { [file]: `${begin['deploy/web.yaml']}# ${file}\n` }, `Deploy ${file}`, 'Alice', 4);
      const id = await this.#hold('alice', work, ['origin', 'HEAD:main'], true);
      await this.#vote('carol', id, kind, reason);
      return id;
    };
    await decide('deploy/night.yaml', 'deny', 'the window is closed until Monday');
    await decide('deploy/api.yaml', 'approve', 'replicas and image checked');
    this.decided = await decide('deploy/jobs.yaml', 'approve', 'same as in staging');
    const work = await this.#clone('bob', 'infra');
    await commit(work, { 'deploy/dns.yaml': 'ttl: 60\n' }, 'Shorten the ttl', 'Bob', 5);
    const id = await this.#hold('bob', work, ['origin', 'HEAD:main'], false);
    await this.#post('bob', `/pushes/${id}/cancel`, { reason: 'wrong zone' });
  }

  /** TypeScript, YAML, a workflow, a masked secret, something binary and something long, in two commits. */
  async #bigPush(): Promise<string> {
    const work = await this.#clone('alice', 'web');
    const checkout = begin['src/checkout.ts'].replace(
      / {2}let total = 0;[\s\S]*return total;\n/,
      `  const total = lines.reduce((sum, line) => sum + costOf(line), 0);
  return Math.max(0, total - discountOf(lines));
}

/** Ten of a kind are a tenth cheaper. */
function discountOf(lines: readonly Line[]): number {
  const many = lines.filter(({ count }) => count >= 10);
  return Math.round(many.reduce((sum, line) => sum + costOf(line) * 0.1, 0));
}

function costOf({ article, count }: Line): number {
  return priceOf(article) * count;
`,
    );
    await commit(
      work,
      { 'src/checkout.ts': checkout },
      'Give a discount for ten of a kind\n\nAsked for by sales, from March on.',
      'Alice',
      5,
    );
    const pat = generate('ghp_{an:36}', seededRandom(4_002), checks['github-crc32']);
    const yaml = begin['deploy/web.yaml']
      .replace('replicas: 2', 'replicas: 4')
      .replace('web:1.8.2', 'web:1.9.0')
      .concat(`            - name: REGISTRY_TOKEN\n              value: ${pat}\n`);
    await commit(
      work,
      {
        'deploy/web.yaml': yaml,
        '.github/workflows/ci.yml': begin['.github/workflows/ci.yml'].replace('npm test', 'npm run check'),
        'assets/logo.png': Buffer.from('89504e470d0a1a0a0000000d49484452', 'hex'),
      },
      'Deploy 1.9.0',
      'Alice',
      6,
    );
    return this.#hold('alice', work, ['origin', 'HEAD:main'], true);
  }

  async #clone(user: Shown, repo: string): Promise<string> {
    this.#clones += 1;
    const work = join(this.#dir, `clone-${this.#clones}`);
    await git(['clone', '-q', this.#url(user, repo), work], { env: this.#sshEnv });
    return work;
  }

  #url(user: Shown, repo: string): string {
    if (user === 'alice') return `ssh://git@127.0.0.1:${this.refgate.sshPort}/acme/${repo}.git`;
    const url = new URL(`${this.refgate.http}/acme/${repo}.git`);
    url.username = user;
    url.password = this.tokenOf(user);
    return url.href;
  }

  async #git(_user: Shown, args: readonly string[], work: string): Promise<void> {
    await runGit(args, { cwd: work, env: this.#sshEnv });
  }

  /** Pushes in a process of its own until it is held; `stays` leaves it waiting there. */
  async #hold(_user: Shown, work: string, args: readonly string[], stays: boolean): Promise<string> {
    const child = spawn('git', ['push', ...args], {
      cwd: work,
      env: gitEnv(this.#sshEnv),
      stdio: ['ignore', 'ignore', 'pipe'],
      detached: true,
    });
    this.#t.after(() => end(child));
    let said = '';
    child.stderr?.on('data', (piece: Buffer) => {
      said += piece.toString();
    });
    for (let waited = 0; waited < 20_000; waited += 20) {
      const id = /(p-[a-z0-9]{7})[ :,]/.exec(said)?.[1];
      if (id !== undefined) {
        if (!stays) await end(child);
        return id;
      }
      if (child.exitCode !== null) break;
      await sleep(20);
    }
    throw new Error(`the push was not held: ${said}`);
  }

  async #vote(user: Shown, id: string, kind: 'approve' | 'deny', reason: string): Promise<void> {
    await this.#post(user, `/pushes/${id}/votes`, { kind, reason });
  }

  async #post(user: Shown, path: string, body: object): Promise<void> {
    const answer = await fetch(`${this.refgate.http}/-/api/v1${path}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${this.tokenOf(user)}`, 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    if (!answer.ok) throw new Error(`${path} gave ${answer.status}: ${await answer.text()}`);
  }
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
  const closed = once(child, 'close');
  process.kill(-child.pid, 'SIGKILL');
  await closed;
}
