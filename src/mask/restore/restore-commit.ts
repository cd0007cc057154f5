import type { Oid } from '../../domain/git.ts';
import type { Pin } from '../rows/view-rows.ts';
import {
  formatObjectText,
  type Header,
  headerOf,
  mapOids,
  type ObjectText,
  parseObjectText,
  valuesOf,
} from './object-text.ts';
import type { TreePair } from './paired-trees.ts';
import { foreign, notRestored, shortOid } from './refusal.ts';
import {
  droppedHeader,
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

/** How far back an oid that a message names is looked for among the ancestors. */
const maxAncestors = 2_000;

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
    const originalTree = await this.#trees.restore(view, tree, pairs, isOld);
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
    const after = parseObjectText((await this.#sides.readOriginal(original)).content);
    const shown = original === parent ? undefined : await this.#sides.readView(parent);
    const viewTree = shown === undefined ? undefined : headerOf(parseObjectText(shown.content), 'tree');
    const originalTree = headerOf(after, 'tree') as Oid;
    const tree = { view: original === parent ? originalTree : viewTree, original: originalTree };
    return { view: parent, original, tree };
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
      if (name === droppedHeader) continue;
      if (name === 'tree') headers.push({ name, value: tree });
      else if (name === 'parent') headers.push({ name, value: left.shift() as Oid });
      else if (name === 'mergetag') {
        const tag = await originalMergetag(this.#sides, value);
        if (tag !== undefined) headers.push({ name, value: tag });
      } else headers.push({ name, value });
    }
    const message = withOriginalOids(this.#sides, text.message);
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
    const { sides, ancestors } = {
      sides: this.#sides,
      ancestors: await this.#namedAncestors(made, ends.parents),
    };
    const views = new Map<Oid, Oid>([[ends.originalTree, ends.tree]]);
    for (const parent of ends.parents) views.set(parent.original, parent.view);
    const viewOf = (oid: Oid) => {
      const known = views.get(oid) ?? sides.viewOf(oid);
      return known === oid ? undefined : known;
    };
    const masked = sides.context.view.commit(made, viewOf, (oid) =>
      ancestors.has(oid) ? sides.viewOf(oid) : undefined,
    );
    if ((masked?.content ?? made).equals(content) && sides.viewNow(original) === undefined) return;
    const agree = ends.parents.every(
      (parent) => (sides.viewOf(parent.original) ?? parent.original) === parent.view,
    );
    const place = { object: view, in: 'the commit' };
    if (!agree) throw notRestored(place, 'a parent is not as your view has it; clone again');
    await refuseTwin(sides, view, original, 'commit');
    this.#onPin(original, { view, type: 'commit', content });
  }

  /** The affected commits that the message names, as far as they are ancestors, and near. */
  async #namedAncestors(made: Buffer, parents: readonly Parent[]): Promise<ReadonlySet<Oid>> {
    const { format } = this.#sides.context;
    const named = new Set<Oid>();
    mapOids(parseObjectText(made).message ?? '', format, (oid) => {
      if (this.#sides.viewOf(oid) !== undefined) named.add(oid);
      return undefined;
    });
    const found = new Set<Oid>();
    if (named.size === 0) return found;
    const open = new Set(parents.map(({ original }) => original));
    let looked = 0;
    for (const oid of open) {
      if (named.has(oid)) found.add(oid);
      if (found.size === named.size || ++looked > maxAncestors) break;
      const { content } = await this.#sides.readOriginal(oid);
      for (const parent of valuesOf(parseObjectText(content), 'parent')) open.add(parent);
    }
    return found;
  }
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
  throw notRestored(place, `it differs from ${shortOid(other)} by its signature alone; use that one`);
}
