import { RefgateError } from '../../domain/error.ts';
import type { ObjectFormat, ObjectType, Oid } from '../../domain/git.ts';
import type { MovedSecrets } from '../../domain/mask.ts';
import { hashBytes } from '../../git/pack-stream.ts';
import type { GitObject, GitObjects } from '../objects/git-objects.ts';
import type { ViewRows } from '../rows/view-rows.ts';
import type { ViewFunction } from '../view/view-function.ts';
import { HeldAliases } from './held-aliases.ts';
import { MadeObjects, oidOf } from './made-objects.ts';
import { PushedWords } from './pushed-words.ts';
import { tooLarge } from './refusal.ts';
import { SentAgain } from './sent-again.ts';

/** What a push is restored with. Nothing of it is closed. */
export interface RestoreContext {
  readonly format: ObjectFormat;
  readonly view: ViewFunction;
  /** The same with no value allowed: what pushes from replaced views are compared with as well. */
  readonly viewOfAll?: ViewFunction;
  readonly rows: ViewRows;
  /** Of the view that the push came from, or a newer one. */
  readonly epoch: number;
  readonly originals: GitObjects;
  readonly views: GitObjects;
  /** What the push brought; absent where it brought nothing. */
  readonly pushed?: GitObjects | undefined;
  /** A folder for files of this push; who asks removes it. */
  readonly temporary: string;
  readonly signal: AbortSignal;
}

/** The original of an object of the view. */
interface Known {
  readonly type: ObjectType;
  readonly original: Oid;
}

const maxObjects = 200_000;

/** Contents of more bytes are not looked at; the view would show none of them either. */
const maxContent = 64 * 1024 * 1024;

/**
 * The objects of both sides: what the rows and the view hold, and what this push has brought so far. An oid is known
 * only by what the reader of a view may know: whether the originals hold it never decides anything.
 */
export class Sides {
  readonly context: RestoreContext;
  readonly made: MadeObjects;
  /** Objects of the push that are the same on both sides. */
  readonly same = new Set<Oid>();
  readonly sentAgain = new SentAgain(this);
  /** As `RestoredPush` has them. */
  readonly moved: MovedSecrets[] = [];
  readonly words: PushedWords;
  readonly aliases = new HeldAliases(this);
  readonly #worded = new Set<Oid>();
  readonly #knownNow = new Map<Oid, Known>();
  readonly #viewsNow = new Map<Oid, Oid>();
  #count = 0;

  constructor(context: RestoreContext) {
    this.context = context;
    this.words = new PushedWords((placeholder) => context.rows.secretOf(placeholder) !== undefined);
    this.made = new MadeObjects(context.format, context.temporary);
  }

  /** Throws HUNG_UP, or the signal's reason where it is of ours. */
  checkSignal(): void {
    const { signal } = this.context;
    if (!signal.aborted) return;
    throw signal.reason instanceof RefgateError ? signal.reason : new RefgateError('HUNG_UP', 'client');
  }

  /** The original of an object that the view, or an older one, has, or that this push has brought already. */
  async known(view: Oid): Promise<Known | undefined> {
    const now = this.#knownNow.get(view);
    if (now !== undefined) return now;
    const { rows, originals, views, epoch } = this.context;
    const row = rows.originalOf(view);
    // A pin of a push that was refused later names an original that nobody has.
    if (row !== undefined && (await originals.info(row.oid)) !== undefined)
      return { type: row.type, original: row.oid };
    const info = await views.info(view);
    // What a crash left in the view, and the rows do not know, is no original; what such a pin was of may have become one.
    const isOriginal = info !== undefined && (await originals.info(view)) !== undefined;
    return isOriginal && rows.viewOf(view, epoch) === undefined
      ? { type: info.type, original: view }
      : undefined;
  }

  /** The original of an oid that a message names; without looking for objects. */
  mentioned(view: Oid): Oid | undefined {
    return this.#knownNow.get(view)?.original ?? this.context.rows.originalOf(view)?.oid;
  }

  /** Undefined where the object is shown as it is. */
  viewOf = (original: Oid): Oid | undefined =>
    this.#viewsNow.get(original) ?? this.context.rows.viewOf(original, this.context.epoch)?.oid;

  /** The object of this push whose original it is; undefined where it is its own. */
  viewNow(original: Oid): Oid | undefined {
    return this.#viewsNow.get(original);
  }

  oidOf(type: ObjectType, content: Buffer): Oid {
    return oidOf(type, content, this.context.format);
  }

  /** Told of an object of the push and its original, which holds what it stands for. Counts it; throws LIMIT_EXCEEDED (client). */
  pair(type: ObjectType, view: Oid, original: Oid): void {
    this.#knownNow.set(view, { type, original });
    if (view === original) this.same.add(view);
    else this.#viewsNow.set(original, view);
    if (++this.#count > maxObjects) throw tooLarge(`the push brings more than ${maxObjects} objects`);
  }

  /** Whether this push has brought it already. */
  isNow(view: Oid): boolean {
    return this.#knownNow.has(view);
  }

  /** Whether a word is the oid of an object that the client has, or begins one of the view that is masked. */
  async isShown(word: string): Promise<boolean> {
    const { views, pushed, rows, format } = this.context;
    if (/^0+$/.test(word)) return true;
    if (word.length !== hashBytes(format) * 2)
      return word.length < hashBytes(format) * 2 && rows.viewsFrom(word, 1).length > 0;
    return (
      this.#knownNow.has(word) ||
      (await views.info(word)) !== undefined ||
      (await pushed?.info(word)) !== undefined
    );
  }

  /** An object as the client has it. Throws LIMIT_EXCEEDED (client). */
  async readView(oid: Oid): Promise<GitObject | undefined> {
    return (await this.readPushed(oid)) ?? (await this.context.views.read(oid));
  }

  /** An object that the push brought. Throws LIMIT_EXCEEDED (client). */
  async readPushed(oid: Oid): Promise<GitObject | undefined> {
    const { pushed } = this.context;
    const info = await pushed?.info(oid);
    if (pushed === undefined || info === undefined) return undefined;
    if (info.size > maxContent) throw tooLarge(`the ${info.type} ${oid} has ${info.size} bytes`);
    const found = await pushed.read(oid);
    if (found !== undefined && !this.#worded.has(oid)) this.words.add(found.content);
    this.#worded.add(oid);
    return found;
  }

  /** A blob of the original side; undefined where it is larger than what is looked at. */
  async readOriginalBlob(oid: Oid): Promise<Buffer | undefined> {
    const info = this.made.has(oid) ? undefined : await this.context.originals.info(oid);
    if (info !== undefined && info.size > maxContent) return undefined;
    return (await this.readOriginal(oid)).content;
  }

  /** An object of the original side: throws INTERNAL where it is not there. */
  async readOriginal(oid: Oid): Promise<GitObject> {
    const found =
      this.made.read(oid) ??
      (this.same.has(oid) ? await this.readPushed(oid) : undefined) ??
      (await this.context.originals.read(oid));
    if (found === undefined) throw new RefgateError('INTERNAL', 'refgate', `the original ${oid} is missing`);
    return found;
  }
}
