import type { Oid } from '../../domain/git.ts';
import type { Pin } from '../rows/view-rows.ts';
import { unsignedWord } from '../view/unsigned.ts';
import {
  formatObjectText,
  type Header,
  headerOf,
  type ObjectText,
  parseObjectText,
  valuesOf,
} from './object-text.ts';
import type { TreePair } from './paired-trees.ts';
import { foreign, notRestored, shortOid } from './refusal.ts';
import {
  namedOids,
  originalMergetag,
  refuseSecretsIn,
  signatureHeaders,
  withOriginalOids,
} from './restore-text.ts';
import type { TreeRestorer } from './restore-tree.ts';
import type { Sides } from './sides.ts';

/** Told of an object whose view is to be what was pushed. */
export type OnPin = (original: Oid, pin: Pin) => void;

/** A parent on both sides, with its tree. */
interface Parent {
  readonly view: Oid;
  readonly original: Oid;
  readonly tree: TreePair;
}

/** Restores commits, parents before children. */
export class CommitRestorer {
  readonly #sides: Sides;
  readonly #trees: TreeRestorer;
  readonly #onPin: OnPin;
  /** Commits of this push on views that were replaced. */
  readonly #old = new Set<Oid>();

  constructor(sides: Sides, trees: TreeRestorer, onPin: OnPin) {
    this.#sides = sides;
    this.#trees = trees;
    this.#onPin = onPin;
  }

  /** The original of a commit, whose parents are restored. Throws VIEW_* and LIMIT_EXCEEDED (client). */
  async restore(view: Oid, content: Buffer): Promise<Oid> {
    const text = parseObjectText(content);
    const tree = headerOf(text, 'tree') as Oid;
    const parents: Parent[] = [];
    let isOld = false;
    for (const oid of valuesOf(text, 'parent')) {
      parents.push(await this.#parent(view, oid));
      isOld ||= await this.#isOld(oid);
    }
    refuseSecretsIn(this.#sides, view, 'commit', text);
    const pairs = parents.map((parent) => parent.tree);
    const commits = parents.map(({ original }) => original);
    const originalTree = await this.#trees.restore(view, tree, pairs, isOld, commits);
    const made = await this.#rewrite(text, originalTree, parents);
    const original = made === undefined ? view : this.#sides.made.add('commit', made);
    if (isOld) this.#old.add(view);
    else await this.#compare(view, content, original, made ?? content, { tree, originalTree, parents });
    this.#sides.pair('commit', view, original);
    return original;
  }

  async #parent(view: Oid, parent: Oid): Promise<Parent> {
    const known = await this.#sides.known(parent);
    if (known?.type !== 'commit')
      throw foreign(`the parent ${shortOid(parent)} of commit ${shortOid(view)} is not in your view`);
    const { original } = known;
    return { view: parent, original, tree: await treePairOf(this.#sides, parent, original) };
  }

  /** Whether the commit is of a view that a newer one replaced. */
  async #isOld(view: Oid): Promise<boolean> {
    if (this.#old.has(view)) return true;
    return !this.#sides.isNow(view) && (await this.#sides.context.views.info(view)) === undefined;
  }

  /** Undefined where the commit is the same on both sides. */
  async #rewrite(text: ObjectText, tree: Oid, parents: readonly Parent[]): Promise<Buffer | undefined> {
    const left = parents.map(({ original }) => original);
    const headers: Header[] = [];
    for (const { name, value } of text.headers) {
      if (name === unsignedWord) continue;
      if (name === 'tree') headers.push({ name, value: tree });
      else if (name === 'parent') headers.push({ name, value: left.shift() as Oid });
      else if (name === 'mergetag') {
        const tag = await originalMergetag(this.#sides, value);
        if (tag !== undefined) headers.push({ name, value: tag });
      } else headers.push({ name, value });
    }
    const views = parents.map((parent) => parent.view);
    const message = await withOriginalOids(this.#sides, text.message, views);
    const made = formatObjectText({ headers, message });
    if (made.equals(formatObjectText(text))) return undefined;
    return formatObjectText({ headers: headers.filter(({ name }) => !signatureHeaders.has(name)), message });
  }

  /** Pins the commit where its view would not be what was pushed. */
  async #compare(
    view: Oid,
    content: Buffer,
    original: Oid,
    made: Buffer,
    ends: { readonly tree: Oid; readonly originalTree: Oid; readonly parents: readonly Parent[] },
  ): Promise<void> {
    const sides = this.#sides;
    const originals = ends.parents.map((parent) => parent.original);
    const named = await namedOids(sides, 'commit', made, originals);
    const links = new Map<Oid, Oid>([[ends.originalTree, ends.tree]]);
    for (const parent of ends.parents) links.set(parent.original, parent.view);
    const viewOf = (oid: Oid) => (links.get(oid) === oid ? undefined : links.get(oid));
    const masked = sides.context.view.commit(made, viewOf, named);
    if ((masked?.content ?? made).equals(content) && !isShownElse(sides, original, view)) return;
    const agree = ends.parents.every(
      (parent) => (sides.viewOf(parent.original) ?? parent.original) === parent.view,
    );
    const place = { object: view, in: 'the commit' };
    if (!agree) throw notRestored(place, 'a parent is not as your view has it; clone again');
    await refuseTwin(sides, view, original, 'commit');
    this.#onPin(original, { view, type: 'commit', content });
  }
}

/** The tree of a known commit on both sides. */
export async function treePairOf(sides: Sides, view: Oid, original: Oid): Promise<TreePair> {
  const tree = headerOf(parseObjectText((await sides.readOriginal(original)).content), 'tree') as Oid;
  if (original === view) return { view: tree, original: tree };
  const shown = await sides.readView(view);
  return {
    view: shown === undefined ? undefined : headerOf(parseObjectText(shown.content), 'tree'),
    original: tree,
  };
}

/** Whether something else is the view of the original, also by a pin of a push that came to nothing. */
export function isShownElse(sides: Sides, original: Oid, view: Oid): boolean {
  const shown = sides.viewOf(original);
  return shown !== undefined && shown !== view;
}

/**
 * Refuses what differs from an object that is there already by what the way back drops, such as its signature alone:
 * one original has one view.
 */
export async function refuseTwin(sides: Sides, view: Oid, original: Oid, type: string): Promise<void> {
  const now = sides.viewNow(original);
  if (now === undefined && (await sides.context.originals.info(original)) === undefined) return;
  const other = now ?? sides.viewOf(original) ?? original;
  const place = { object: view, in: `the ${type}` };
  if (other === view)
    throw notRestored(place, 'it looks like a placeholder of another repository; change its text');
  // What the view does not have is not told.
  const isShown = now !== undefined || (await sides.context.views.info(other)) !== undefined;
  const which = isShown ? shortOid(other) : 'one that is there';
  throw notRestored(place, `it differs from ${which} by its signature alone; use that one`);
}
