/** What attacks on held pushes share: one server, people with keys and tokens, and repositories of three commits. */
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { HeldPush } from '../../src/domain/approval.ts';
import { addReviewer, BackgroundGit, becomes, heldPush, vote } from '../scenario/approving.ts';
import { type ClientKey, makeClientKey } from '../support/client.ts';
import { git, tempDir } from '../support/git.ts';
import { type Refgate, type RefgateOptions, startRefgate } from '../support/refgate.ts';
import { makeRepo } from '../support/repos.ts';

type Ends = { after(close: () => unknown): void };

/** What is below is asked about: `main` of every repository. */
export function askAboutMain(ask: object = {}, rules: readonly object[] = [], more: object = {}): object {
  return {
    access: [{ who: { group: 'dev' }, repo: '*/*', may: ['read', 'write'], ...more }],
    rules: [
      { name: 'reviewed', when: { ref: 'refs/heads/main' }, then: { ask: { group: 'reviewers', ...ask } } },
      ...rules,
    ],
  };
}

/** One repository of the upstream, with a clone of it. */
export interface HeldRepo {
  readonly name: string;
  readonly upstream: string;
  readonly clone: string;
  readonly before: string;
  /** Commits a file on the branch that is checked out, and gives its oid. */
  commit(file: string, content?: string): Promise<string>;
  tip(ref: string): Promise<string>;
}

export class HeldScene {
  readonly dir: string;
  readonly home: string;
  refgate!: Refgate;
  /** Tokens by user. */
  readonly tokens: Record<string, string> = {};
  readonly keys: Record<string, ClientKey> = {};
  readonly #t: Ends;
  readonly #config: Readonly<Record<string, unknown>>;

  constructor(t: Ends, config: Readonly<Record<string, unknown>>) {
    this.#t = t;
    this.#config = config;
    this.dir = tempDir(t, 'held');
    this.home = join(this.dir, 'refgate');
    mkdirSync(join(this.dir, 'srv', 'acme'), { recursive: true });
    mkdirSync(this.home);
  }

  async start(policy: object, more: Partial<RefgateOptions> = {}): Promise<Refgate> {
    const config = {
      upstreams: { disk: { path: { root: join(this.dir, 'srv') } } },
      repos: [
        { path: 'acme/*', upstream: 'disk' },
        { path: 'alias/*', upstream: 'disk', to: 'acme/*' },
      ],
      limits: { upstreamIdle: '4s' },
      ...this.#config,
    };
    this.refgate = await startRefgate(this.#t, { dir: this.home, config, policy: { ...policy }, ...more });
    return this.refgate;
  }

  /** ann and eve push; carol and dave review. */
  async people(): Promise<void> {
    for (const name of ['ann', 'eve']) {
      this.tokens[name] = await addReviewer(this.refgate, name, ['--group', 'dev']);
      const folder = join(this.dir, name);
      mkdirSync(folder);
      const key = await makeClientKey(folder);
      this.keys[name] = key;
      await this.refgate.ok(['key', 'add', name, '-'], `${key.publicLine}\n`);
    }
    for (const name of ['carol', 'dave']) this.tokens[name] = await addReviewer(this.refgate, name);
  }

  async apply(policy: object): Promise<void> {
    const file = join(this.dir, 'applied.yaml');
    writeFileSync(file, JSON.stringify(policy));
    await this.refgate.ok(['policy', 'apply', file]);
  }

  async repo(name: string, objectFormat?: 'sha256'): Promise<HeldRepo> {
    const upstream = join(this.dir, 'srv', 'acme', `${name}.git`);
    await makeRepo(upstream, 'linear', { count: 3, ...(objectFormat && { objectFormat }) });
    await git(['config', 'receive.advertisePushOptions', 'true'], { cwd: upstream });
    const clone = join(this.dir, name);
    await git(['clone', '-q', upstream, clone]);
    const tip = (ref: string): Promise<string> =>
      git(['for-each-ref', '--format=%(objectname)', ref], { cwd: upstream });
    return {
      name,
      upstream,
      clone,
      before: await tip('refs/heads/main'),
      tip,
      async commit(file, content = `${file}\n`) {
        writeFileSync(join(clone, file), content);
        await git(['add', '.'], { cwd: clone });
        await git(['commit', '-qm', `add ${file}`], { cwd: clone });
        return git(['rev-parse', 'HEAD'], { cwd: clone });
      },
    };
  }

  url(name: string, user = 'ann', folder = 'acme'): string {
    const url = new URL(`${this.refgate.http}/${folder}/${name}.git`);
    url.username = user;
    url.password = this.tokens[user] ?? '';
    return url.href;
  }

  sshUrl(name: string, folder = 'acme'): string {
    return `ssh://git@127.0.0.1:${this.refgate.sshPort}/${folder}/${name}.git`;
  }

  /** Begins `git push ARGS` in the clone, over HTTP or with the user's key. */
  push(repo: HeldRepo, args: readonly string[], env: Readonly<Record<string, string>> = {}): BackgroundGit {
    const run = new BackgroundGit(['push', ...args], repo.clone, env);
    this.#t.after(() => run.kill());
    return run;
  }

  vote(user: string, id: string, kind: 'approve' | 'deny' | 'force', reason?: string): Promise<void> {
    return vote(this.refgate, this.tokens[user] ?? '', id, kind, reason);
  }

  held(id: string): Promise<HeldPush> {
    return heldPush(this.refgate, id);
  }

  becomes(id: string, ...states: HeldPush['state'][]): Promise<HeldPush> {
    return becomes(this.refgate, id, states);
  }

  /** The sessions whose packs are on disk. */
  quarantine(): readonly string[] {
    const folder = join(this.home, 'data', 'quarantine');
    return existsSync(folder) ? readdirSync(folder) : [];
  }
}

export async function heldScene(
  t: Ends,
  policy: object,
  config: Readonly<Record<string, unknown>> = {},
): Promise<HeldScene> {
  const scene = new HeldScene(t, config);
  await scene.start(policy);
  await scene.people();
  return scene;
}
