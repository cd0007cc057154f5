import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Oid, RefUpdate } from '../../domain/git.ts';
import type { OidPair, PlaceholderUse, RestoredPush } from '../../domain/mask.ts';
import { isZeroOid } from '../../git/oid.ts';
import { emptyPack } from '../../git/pack-stream.ts';
import { writePackFile } from '../objects/pack-file.ts';
import type { Pin } from '../rows/view-rows.ts';
import { placeholdersIn } from '../view/masked-lines.ts';
import { literalRule } from '../view/placeholder.ts';
import { newCommitsOf } from './pushed-commits.ts';
import { foreign, newSecret, notRestored, shortOid, tooLarge } from './refusal.ts';
import { CommitRestorer, treePairOf } from './restore-commit.ts';
import type { EarlyUse } from './restore-file.ts';
import { restoreTag, taggedBy } from './restore-tag.ts';
import { TreeRestorer } from './restore-tree.ts';
import { type RestoreContext, Sides } from './sides.ts';

/** A push on the original side. Placeholders are at most 1,000; the caller removes the pack. */
export type Restored = Omit<RestoredPush, 'release' | 'isClear'>;

const maxListed = 1_000;
const maxTagDepth = 100;

/**
 * Puts a push onto the originals, so that the view of what comes out is what was pushed. Pins are on disk when it
 * returns; nothing else is changed. Throws VIEW_FOREIGN, VIEW_NEW_SECRET, VIEW_NOT_RESTORED and LIMIT_EXCEEDED (client),
 * and HUNG_UP. What a push may not know, whether an original equals something that it brings, decides nothing.
 */
export async function restorePush(context: RestoreContext, updates: readonly RefUpdate[]): Promise<Restored> {
  const push = new PushRestorer(context);
  try {
    return await push.restore(updates);
  } finally {
    push.close();
  }
}

class PushRestorer {
  readonly #sides: Sides;
  readonly #trees: TreeRestorer;
  readonly #commits: CommitRestorer;
  readonly #pins = new Map<Oid, Pin>();
  readonly #pairs: OidPair[] = [];
  readonly #uses: PlaceholderUse[] = [];
  /** Uses of the object that is being restored. */
  #early: EarlyUse[] = [];
  #pairCount = 0;

  constructor(context: RestoreContext) {
    this.#sides = new Sides(context);
    this.#trees = new TreeRestorer(this.#sides, (use) => {
      // Who decides about them reads every one.
      if (this.#uses.length + this.#early.length >= maxListed)
        throw tooLarge(`the push has more than ${maxListed} placeholders that are not where they were`);
      this.#early.push(use);
    });
    const onPin = (original: Oid, pin: Pin) => this.#pins.set(original, pin);
    this.#commits = new CommitRestorer(this.#sides, this.#trees, onPin);
  }

  close(): void {
    this.#sides.made.close();
  }

  async restore(updates: readonly RefUpdate[]): Promise<Restored> {
    const olds: (Oid | undefined)[] = [];
    for (const update of updates) olds.push(await this.#old(update));
    const restored: RefUpdate[] = [];
    for (const [i, { ref, oldOid, newOid }] of updates.entries()) {
      const original = isZeroOid(newOid) ? newOid : await this.#object(newOid, 0);
      restored.push({ ref, oldOid: olds[i] ?? oldOid, newOid: original });
    }
    const isSame = restored.every(({ newOid }, i) => newOid === updates[i]?.newOid);
    const pack =
      this.#sides.context.pushed === undefined || (isSame && this.#sides.made.count === 0)
        ? undefined
        : await this.#writePack();
    await this.#writePins();
    const { moved } = this.#sides;
    const words = await this.#sides.words.list((word) => this.#sides.isShown(word));
    return {
      updates: restored,
      ...(pack === undefined ? {} : { pack }),
      pairs: this.#pairs,
      pairCount: this.#pairCount,
      placeholders: this.#uses,
      ...(moved.length === 0 ? {} : { moved }),
      ...(words === undefined ? {} : { words }),
    };
  }

  /** The original of what the ref is to be moved from; undefined where it is not there. */
  async #old({ ref, oldOid }: RefUpdate): Promise<Oid | undefined> {
    this.#checkRef(ref);
    if (isZeroOid(oldOid)) return undefined;
    const known = await this.#sides.known(oldOid);
    if (known === undefined)
      throw foreign(`${shortOid(oldOid)}, which ${ref} is to be moved from, is not in your view`);
    this.#sides.aliases.addOld(oldOid);
    const root = known.type === 'commit' ? await treePairOf(this.#sides, oldOid, known.original) : undefined;
    if (root !== undefined) this.#trees.oldTips.add(root);
    return known.original;
  }

  #checkRef(ref: string): void {
    const bytes = Buffer.from(ref);
    const { secrets, unscanned } = this.#sides.context.view.find(bytes);
    const secret = secrets.find(({ rule }) => rule !== literalRule);
    if (secret !== undefined) throw newSecret({ in: 'the name of a ref' }, secret);
    if (placeholdersIn(bytes).length > 0 || unscanned.length > 0)
      throw notRestored({ in: ref }, 'a ref of this name would not be shown; choose another name');
  }

  /** The original of a pushed object of any type, or of one of the view. */
  async #object(view: Oid, depth: number): Promise<Oid> {
    const known = await this.#sides.known(view);
    if (known !== undefined) {
      await this.#sides.sentAgain.add(view);
      return known.original;
    }
    const pushed = await this.#sides.readPushed(view);
    if (pushed === undefined) throw foreign(`${shortOid(view)} is not in your view`);
    switch (pushed.type) {
      case 'commit':
        for (const oid of await newCommitsOf(this.#sides, view)) await this.#commit(oid);
        return (await this.#sides.known(view))?.original as Oid;
      case 'tag':
        return this.#tag(view, pushed.content, depth);
      case 'tree':
        return this.#settled(await this.#trees.restore(view, view, [], false));
      case 'blob':
        return this.#settled(await this.#trees.blob(view, view));
    }
  }

  async #commit(view: Oid): Promise<void> {
    const pushed = await this.#sides.readPushed(view);
    if (pushed === undefined) throw foreign(`commit ${shortOid(view)} is not in your view`);
    this.#paired(view, this.#settled(await this.#commits.restore(view, pushed.content)));
  }

  async #tag(view: Oid, content: Buffer, depth: number): Promise<Oid> {
    if (depth > maxTagDepth)
      throw notRestored({ object: view, in: 'the tag' }, 'tags of tags are nested too deeply');
    const { oid, type } = taggedBy(content);
    const object = await this.#object(oid, depth + 1);
    if ((await this.#sides.known(oid))?.type !== type)
      throw notRestored(
        { object: view, in: 'the tag' },
        'what it names is of another type; make the tag again',
      );
    const onPin = (original: Oid, pin: Pin) => this.#pins.set(original, pin);
    const original = await restoreTag(this.#sides, view, content, object, onPin);
    this.#paired(view, original);
    return original;
  }

  /** Uses are told with the object that brings them. */
  #settled(original: Oid): Oid {
    for (const use of this.#early) this.#uses.push({ ...use, commit: original });
    this.#early = [];
    return original;
  }

  #paired(view: Oid, original: Oid): void {
    if (view === original) return;
    if (this.#pairCount++ < maxListed) this.#pairs.push({ view, original });
  }

  /** All that the push brings. Also what the originals have: the upstream may have forgotten it since. */
  async #writePack(): Promise<{ file: string; bytes: number }> {
    const { made, same, sentAgain, context } = this.#sides;
    const file = join(context.temporary, 'restored.pack');
    const pack = writePackFile(file, context.format);
    try {
      for (const oid of new Set([...made.oids(), ...same, ...sentAgain.originals])) {
        this.#sides.checkSignal();
        const { type, content } = await this.#sides.readOriginal(oid);
        // Where compression finds a guess and a secret alike, the size of the pack would say so.
        pack.add(type, content, { oid, isStored: !same.has(oid) });
        await pack.drain();
      }
      const written = await pack.finish();
      if (written !== undefined) return { file, bytes: written.bytes };
    } catch (error) {
      pack.abort();
      throw error;
    }
    const empty = emptyPack(context.format);
    writeFileSync(file, empty, { mode: 0o600 });
    return { file, bytes: empty.length };
  }

  async #writePins(): Promise<void> {
    if (this.#pins.size === 0) return;
    const { rows, epoch } = this.#sides.context;
    const batch = rows.batch(epoch);
    for (const [original, pin] of this.#pins) batch.pin(original, pin);
    await batch.write();
  }
}
