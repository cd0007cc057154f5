/**
 * A repository with secrets, its view, a clone of the view, and a clone of the originals on which the same edits are
 * made: what a push of the first becomes must be what the second has.
 */
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { ObjectFormat, Oid, RefUpdate } from '../../src/domain/git.ts';
import { defaultRules } from '../../src/inspect/secrets/rules/load-rules.ts';
import { Scanner } from '../../src/inspect/secrets/scanner.ts';
import { buildView } from '../../src/mask/build/build-view.ts';
import type { BuildContext, Tips } from '../../src/mask/build/contract.ts';
import { extendView } from '../../src/mask/build/extend-view.ts';
import { openGitObjects } from '../../src/mask/objects/cat-file.ts';
import { type Restored, restorePush } from '../../src/mask/restore/restore-push.ts';
import { openKeepFolder } from '../../src/mask/rows/keep-folder.ts';
import { openViewRows } from '../../src/mask/rows/open-rows.ts';
import { createViewFunction } from '../../src/mask/view/create-view-function.ts';
import type { ViewFunction } from '../../src/mask/view/view-function.ts';
import { openLevelBytes } from '../../src/store/level-bytes.ts';
import { type GitOptions, git, initBare, runGit, tempDir } from './git.ts';

const scanner = new Scanner(defaultRules(), { deadlineMs: Number.POSITIVE_INFINITY });

/** A work tree, with the verbs of who works in it. */
export class WorkTree {
  readonly dir: string;

  constructor(dir: string) {
    this.dir = dir;
  }

  git(...args: string[]): Promise<string> {
    return git(args, { cwd: this.dir });
  }

  gitWith(options: GitOptions, ...args: string[]): Promise<string> {
    return git(args, { ...options, cwd: this.dir });
  }

  read(path: string): Buffer {
    return readFileSync(join(this.dir, path));
  }

  write(path: string, content: string | Buffer): void {
    mkdirSync(dirname(join(this.dir, path)), { recursive: true });
    writeFileSync(join(this.dir, path), content);
  }

  /** Replaces text of a file, which must be there; latin1. */
  edit(path: string, from: string, to: string): void {
    const text = this.read(path).toString('latin1');
    assert.ok(text.includes(from), `${path} does not hold ${from}`);
    this.write(
      path,
      Buffer.from(
        text.replace(from, () => to),
        'latin1',
      ),
    );
  }

  append(path: string, text: string): void {
    this.write(path, Buffer.concat([this.read(path), Buffer.from(text)]));
  }

  async commit(message: string, ...args: string[]): Promise<Oid> {
    await this.git('add', '--all');
    await this.git('commit', '--quiet', '--allow-empty', '-m', message, ...args);
    return this.tip();
  }

  tip(): Promise<Oid> {
    return this.git('rev-parse', 'HEAD');
  }
}

function viewFunction(format: ObjectFormat, key: Buffer, allowed: readonly string[]): ViewFunction {
  return createViewFunction({
    format,
    key,
    scanner,
    fingerprintKey: Buffer.alloc(32, 7),
    confidence: 'medium',
    isAllowed: (fingerprint) => allowed.includes(fingerprint),
  });
}

type Cleanup = { after(close: () => unknown): void };

export class MaskedClone {
  readonly #folder: string;
  #context: BuildContext;
  readonly #key: Buffer;
  readonly originals: string;
  /** The clone of the view. */
  readonly agent: WorkTree;
  /** The clone of the originals. */
  readonly person: WorkTree;
  #pushes = 0;

  private constructor(folder: string, context: BuildContext, key: Buffer) {
    this.#folder = folder;
    this.#key = key;
    this.#context = context;
    this.originals = context.folder.originals;
    this.agent = new WorkTree(join(folder, 'agent'));
    this.person = new WorkTree(join(folder, 'person'));
  }

  /** @param make commits to the branch main. */
  static async of(
    t: Cleanup,
    make: (tree: WorkTree) => Promise<void>,
    format: ObjectFormat = 'sha1',
  ): Promise<MaskedClone> {
    const folder = tempDir(t, 'masked');
    const first = new WorkTree(join(folder, 'first'));
    await git(['init', '--quiet', `--object-format=${format}`, first.dir]);
    await make(first);
    const originals = join(folder, 'originals.git');
    await git(['clone', '--quiet', '--mirror', first.dir, originals]);
    const store = await openLevelBytes(join(folder, 'rows'));
    const keep = openKeepFolder(join(folder, 'keep'));
    const rows = await openViewRows(store, keep);
    t.after(() => rows.close());
    const view = viewFunction(format, keep.key, []);
    const clone = new MaskedClone(
      folder,
      {
        folder: {
          originals,
          view: (epoch) => join(folder, `view.${epoch}.git`),
          temporary: join(folder, 'tmp'),
        },
        format,
        view,
        rows,
        epoch: 1,
        signal: new AbortController().signal,
        onProgress: () => {},
      },
      keep.key,
    );
    mkdirSync(join(folder, 'tmp'));
    await buildView(clone.#context, await clone.#tips());
    await git(['clone', '--quiet', clone.view, clone.agent.dir]);
    await git(['clone', '--quiet', originals, clone.person.dir]);
    return clone;
  }

  get view(): string {
    return this.#context.folder.view(this.#context.epoch);
  }

  /** Makes a view in which these values are shown, in the place of the one before. */
  async showValues(...fingerprints: readonly string[]): Promise<void> {
    const { format, epoch, rows } = this.#context;
    const before = this.view;
    const view = viewFunction(format, this.#key, fingerprints);
    this.#context = { ...this.#context, epoch: epoch + 1, view };
    await buildView(this.#context, await this.#tips());
    await rows.dropEpoch(epoch);
    rmSync(before, { recursive: true });
  }

  fingerprintOf(text: string): string {
    const [found] = this.#context.view.find(Buffer.from(text)).secrets;
    assert.ok(found);
    return found.fingerprint;
  }

  get rows(): BuildContext['rows'] {
    return this.#context.rows;
  }

  async #tips(): Promise<Tips> {
    const lines = await git(['for-each-ref', '--format=%(refname) %(objectname)'], { cwd: this.originals });
    const refs = lines.split('\n').map((line) => {
      const [ref = '', oid = ''] = line.split(' ');
      return { ref, oid };
    });
    return { refs: refs.filter(({ ref }) => /^refs\/(?:heads|tags)\//.test(ref)), head: 'refs/heads/main' };
  }

  /** The secret that a placeholder in a file of the view stands for is the text of the originals. */
  placeholderIn(path: string): string {
    const found = /REDACTED-[a-z0-9-]+?-[0-9a-f]{16}/.exec(this.agent.read(path).toString('latin1'));
    assert.ok(found, `${path} holds no placeholder`);
    return found[0];
  }

  async viewRef(ref: string): Promise<Oid | undefined> {
    const oid = await git(['for-each-ref', '--format=%(objectname)', ref], { cwd: this.view });
    return oid === '' ? undefined : oid;
  }

  /** Restores a push of the agent's objects, as a bastion that holds their pack would. */
  async push(...updates: readonly { ref: string; newOid: Oid; oldOid?: Oid }[]): Promise<Push> {
    const { format } = this.#context;
    const zero = '0'.repeat(format === 'sha1' ? 40 : 64);
    const full: RefUpdate[] = [];
    for (const { ref, newOid, oldOid } of updates)
      full.push({ ref, newOid, oldOid: oldOid ?? (await this.viewRef(ref)) ?? zero });
    const folder = join(this.#folder, `push-${this.#pushes++}`);
    const held = join(folder, 'held.git');
    await initBare(held, format);
    const have = await git(['for-each-ref', '--format=^%(objectname)'], { cwd: this.view });
    const want = full.map(({ newOid }) => newOid).filter((oid) => oid !== zero);
    const list = join(folder, 'pushed.pack');
    if (want.length > 0) {
      const known = new Set(
        (
          await git(['cat-file', '--batch-all-objects', '--batch-check=%(objectname)'], {
            cwd: this.agent.dir,
          })
        ).split('\n'),
      );
      const hidden = have.split('\n').filter((line) => known.has(line.slice(1)));
      const { stdoutBytes } = await this.#pack([...want, ...hidden]);
      writeFileSync(list, stdoutBytes);
      await git(['index-pack', '--stdin'], { cwd: held, input: stdoutBytes });
    }
    const restored = await this.restore(held, full, folder);
    return { restored, updates: full, file: restored.pack?.file ?? list };
  }

  async #pack(lines: readonly string[]) {
    return runGit(['pack-objects', '--revs', '--stdout', '--quiet'], {
      cwd: this.agent.dir,
      input: `${lines.join('\n')}\n`,
    });
  }

  async restore(
    held: string,
    updates: readonly RefUpdate[],
    temporary: string,
    signal = new AbortController().signal,
  ): Promise<Restored> {
    const { format, view, rows, epoch } = this.#context;
    const viewOfAll = viewFunction(format, this.#key, []);
    const originals = openGitObjects(this.originals, format);
    const views = openGitObjects(this.view, format);
    const pushed = openGitObjects(held, format);
    try {
      return await restorePush(
        { format, view, viewOfAll, rows, epoch, originals, views, pushed, temporary, signal },
        updates,
      );
    } finally {
      for (const objects of [originals, views, pushed]) objects.close();
    }
  }

  /** Does what the upstream and the next sync do, and makes sure that the view has what was pushed. */
  async accept({ restored, updates, file }: Push): Promise<void> {
    const cwd = this.originals;
    await git(['index-pack', '--stdin', '--strict'], { cwd, input: readFileSync(file) });
    const lines = restored.updates.map(({ ref, newOid, oldOid }) => `update ${ref} ${newOid} ${oldOid}\n`);
    await git(['update-ref', '--stdin'], { cwd, input: lines.join('') });
    await this.follow();
    for (const { ref, newOid } of updates)
      assert.equal((await this.viewRef(ref)) ?? '0'.repeat(newOid.length), newOid, `the view of ${ref}`);
    rmSync(dirname(file), { recursive: true, force: true });
  }

  /** Brings the view up to date with the originals. */
  async follow(): Promise<void> {
    await extendView(this.#context, await this.#tips());
  }

  /**
   * Makes the same edit in both clones on a branch of its own, and pushes the agent's: what it becomes must be the
   * commit that the person has.
   */
  async sameEdit(branch: string, edit: (tree: WorkTree) => Promise<void>, from = 'main'): Promise<Push> {
    const oids: Oid[] = [];
    for (const tree of [this.agent, this.person]) {
      await tree.git('checkout', '--quiet', '--force', '-B', branch, `origin/${from}`);
      await edit(tree);
      oids.push(await tree.tip());
    }
    const [newOid, expected] = oids as [Oid, Oid];
    const push = await this.push({ ref: `refs/heads/${branch}`, newOid });
    await this.accept(push);
    const [update] = push.restored.updates;
    if (update?.newOid !== expected)
      assert.equal(await this.show(update?.newOid as Oid), await this.show(expected));
    assert.equal(update?.newOid, expected);
    return push;
  }

  /** A commit of the originals, or of the person, in words. */
  async show(oid: Oid): Promise<string> {
    const args = [
      'log',
      '-3',
      '--format=raw',
      '-p',
      '--no-renames',
      '--diff-merges=first-parent',
      '--text',
      oid,
    ];
    return git(args, { cwd: this.originals }).catch(() => git(args, { cwd: this.person.dir }));
  }
}

export interface Push {
  readonly restored: Restored;
  readonly updates: readonly RefUpdate[];
  /** The pack that goes to the upstream. */
  readonly file: string;
}
