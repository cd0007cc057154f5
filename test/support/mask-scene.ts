/** Masked views over a bare repository of this disk: the real threads, a real ledger, the machine's git. */
import { mkdtempSync, rmSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { RefgateError } from '../../src/domain/error.ts';
import type { AdvertisedRef, Oid } from '../../src/domain/git.ts';
import type { MaskState, MaskStatus, ViewKey } from '../../src/domain/mask.ts';
import type { FetchSource, Target } from '../../src/domain/ports.ts';
import type { Store } from '../../src/domain/store.ts';
import { type OpenMaskedViews, openMaskedViews } from '../../src/mask/engine/open-masked-views.ts';
import type { MaskSettings } from '../../src/mask/engine/repo-deps.ts';
import { targetId } from '../../src/mask/engine/target-folder.ts';
import { type Ledger, openLedger } from '../../src/record/ledger.ts';
import type { Fault } from './faulty-store.ts';
import { initBare, runGit } from './git.ts';
import { LocalSource } from './local-source.ts';
import { MemoryStore } from './memory-store.ts';
import { QuietLog } from './quiet-log.ts';
import { data, fastImport } from './repos.ts';

export interface MaskSceneOptions {
  readonly settings?: Partial<MaskSettings>;
  readonly rulesVersion?: string;
  readonly idle?: number;
}

/** Upstream repositories, `acme/NAME`, and the views of them on one thread. */
export class MaskScene {
  readonly dir = mkdtempSync(join(tmpdir(), 'refgate-scene-'));
  readonly masking = join(this.dir, 'masking');
  readonly log = new QuietLog();
  readonly rows = new MemoryStore();
  readonly repos = new Map<string, SceneRepo>();
  /** How often the views wrote to the store, or an event. */
  writes = 0;
  /** The write of this number goes wrong. */
  failAt: number | undefined;
  fault: Fault = 'failed';
  views!: OpenMaskedViews;
  ledger!: Ledger;

  static async open(options: MaskSceneOptions = {}): Promise<MaskScene> {
    const scene = new MaskScene();
    await scene.start(options);
    return scene;
  }

  /** Also after a `stop`, with the same store and folder. */
  async start(options: MaskSceneOptions = {}): Promise<void> {
    this.ledger = await openLedger({ store: this.rows, log: this.log });
    const settings = { enable: 'manual', confidence: 'medium', threads: 1, wait: 20_000 } as const;
    this.views = await openMaskedViews({
      dir: this.masking,
      store: { ...storeOf(this.rows), write: (batch) => this.#write(() => this.rows.write(batch)) },
      recorder: { append: (...event) => this.#write(() => this.ledger.append(...event)) },
      upstreams: { fetchSource: ({ path }) => this.#repo(path).source(), pushTarget: () => nobodyPushes() },
      mapRepo: (repo) => this.repos.get(repo)?.target,
      secrets: { ruleFiles: [], defaults: true, fingerprintKey: Buffer.alloc(32, 7) },
      rulesVersion: options.rulesVersion ?? 'rules-1',
      maskSecrets: (text) => text,
      settings: { ...settings, ...options.settings },
      workerUrl: new URL('../../src/app/view-worker.js', import.meta.url),
      log: this.log,
      ...(options.idle === undefined ? {} : { idle: options.idle }),
    });
  }

  /** Each write of the views, to the store or with an event, comes by here. */
  async #write<T>(write: () => Promise<T>): Promise<T> {
    if (this.writes++ !== this.failAt) return write();
    if (this.fault === 'failed but persisted') await write();
    throw new Error('input/output error');
  }

  #repo(name: string): SceneRepo {
    const repo = this.repos.get(name);
    if (repo === undefined) throw new Error(`there is no ${name}`);
    return repo;
  }

  /** An empty upstream repository. */
  async repo(): Promise<SceneRepo> {
    const repo = new SceneRepo(this, `acme/${this.repos.size}`);
    this.repos.set(repo.name, repo);
    await initBare(repo.gitDir, 'sha1');
    return repo;
  }

  async stop(): Promise<void> {
    await this.views.close();
    await this.ledger.close();
  }

  async close(): Promise<void> {
    await this.stop();
    rmSync(this.dir, { recursive: true, force: true });
  }
}

/** One repository of a scene. */
export class SceneRepo {
  readonly name: string;
  readonly gitDir: string;
  readonly target: Target;
  readonly key: ViewKey;
  /** How often the upstream was asked. */
  asked = 0;
  /** The upstream does not answer. */
  isAway = false;
  /** Awaited when the upstream has read its refs, and before it tells them. */
  beforeRefs: () => Promise<void> = async () => {};
  readonly #scene: MaskScene;
  #marks = 0;

  constructor(scene: MaskScene, name: string) {
    this.#scene = scene;
    this.name = name;
    this.gitDir = join(scene.dir, `${name}.git`);
    this.target = { upstream: 'local', path: name };
    this.key = { repo: name, target: this.target, mode: 'masked' };
  }

  source(): FetchSource {
    this.asked++;
    if (this.isAway) return awaySource();
    const source = new LocalSource(this.gitDir);
    const before = this.beforeRefs;
    return {
      capabilities: () => source.capabilities(),
      async *lsRefs(request) {
        const batches = await all(source.lsRefs(request));
        await before();
        yield* batches;
      },
      fetch: (request) => source.fetch(request),
      close: () => source.close(),
    };
  }

  /** A commit on a branch of the upstream that writes one file; gives its oid. */
  async commit(path: string, content: string, branch = 'main'): Promise<Oid> {
    const second = 1_700_000_000 + ++this.#marks;
    const from = (await this.tip(branch)) === undefined ? '' : `from refs/heads/${branch}^0\n`;
    const who = `committer Ann <ann@example.com> ${second} +0000\n`;
    const text = `commit refs/heads/${branch}\n${who}${data(`change ${this.#marks}\n`)}${from}`;
    await fastImport(this.gitDir, `${text}M 100644 inline ${path}\n${data(content)}\n`);
    return (await this.tip(branch)) as Oid;
  }

  /** Of the upstream. */
  async tip(branch = 'main'): Promise<Oid | undefined> {
    const { status, stdout } = await runGit(['rev-parse', '--verify', '--quiet', `refs/heads/${branch}`], {
      cwd: this.gitDir,
    });
    return status === 0 ? stdout.trim() : undefined;
  }

  /** What a client of the view is told. */
  async lsRefs(key: ViewKey = this.key): Promise<readonly AdvertisedRef[]> {
    const source = this.#scene.views.source(key);
    try {
      const request = { prefixes: [], symrefs: true, peel: true, unborn: false };
      return (await all(source.lsRefs(request))).flat();
    } finally {
      source.close();
    }
  }

  async shownTip(branch = 'main', key: ViewKey = this.key): Promise<Oid | undefined> {
    return (await this.lsRefs(key)).find(({ ref }) => ref === `refs/heads/${branch}`)?.oid ?? undefined;
  }

  status(): Promise<MaskStatus> {
    return this.#scene.views.admin.status(this.name);
  }

  /** Waits until it is in the state and nothing is being made. */
  async until(state: MaskState): Promise<void> {
    for (;;) {
      const status = await this.status();
      if (status.state === state && status.progress === undefined) return;
      await soon();
    }
  }

  async enable(): Promise<void> {
    const { admin } = this.#scene.views;
    await admin.preview(this.name, new AbortController().signal, () => {});
    await admin.enable(this.name, 'ann');
    await this.until('ready');
  }

  /** The folder of everything masked of it. */
  get folder(): string {
    return join(this.#scene.masking, targetId(this.target));
  }

  /** The repositories of its views. */
  async viewDirs(): Promise<readonly string[]> {
    const names = await readdir(this.folder);
    return names.filter((name) => name.startsWith('view.')).map((name) => join(this.folder, name));
  }
}

/** For what is seen only by looking again. */
export const soon = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 10));

const storeOf = (rows: MemoryStore): Pick<Store, 'get' | 'range' | 'close'> => ({
  get: (key) => rows.get(key),
  range: (range) => rows.range(range),
  close: () => rows.close(),
});

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = [];
  for await (const item of items) list.push(item);
  return list;
}

function awaySource(): FetchSource {
  const away = (): never => {
    throw new RefgateError('UPSTREAM_UNREACHABLE', 'upstream', 'it is away');
  };
  return {
    capabilities: async () => away(),
    // biome-ignore lint/correctness/useYield: it never gets so far.
    async *lsRefs() {
      away();
    },
    fetch: async () => away(),
    close: () => {},
  };
}

function nobodyPushes(): never {
  throw new Error('nobody pushes');
}
