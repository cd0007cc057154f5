import { RefgateError } from '../../domain/error.ts';
import type { ObjectType, Oid } from '../../domain/git.ts';
import { hashBytes } from '../../git/pack-stream.ts';
import { TreeCursor } from '../../inspect/contents/tree-cursor.ts';
import { streamGit } from '../objects/git-child.ts';
import type { GitObject, GitObjects } from '../objects/git-objects.ts';
import type { MaskedContent, NamedOids, ViewOf } from '../view/view-function.ts';
import type { BuildContext } from './contract.ts';
import { commitLinks, malformed, namedOids, tagLinks } from './links.ts';
import { splitOutput } from './split-output.ts';
import type { ViewWriter } from './view-writer.ts';

export interface WalkParts {
  readonly context: BuildContext;
  readonly writer: ViewWriter;
  readonly originals: GitObjects;
  /** What is not decided yet; everything else is in the rows, or shown as it is. */
  readonly fresh: Set<Oid>;
  /** Told of each object that is shown as it is. */
  readonly onClean: (type: ObjectType, oid: Oid, content: Buffer) => void;
}

/** Decides objects by reading them, and what they hold before them. */
export class DirectWalk {
  readonly #parts: WalkParts;

  constructor(parts: WalkParts) {
    this.#parts = parts;
  }

  /** Gives the view of the object, which is itself where it is shown as it is. */
  async decide(type: ObjectType, oid: Oid): Promise<Oid> {
    const { fresh, writer, context } = this.#parts;
    if (!fresh.has(oid)) return writer.viewOf(oid) ?? oid;
    context.signal.throwIfAborted();
    fresh.delete(oid);
    if (type === 'blob') await this.#blob(oid);
    else if (type === 'tree') await this.#tree(oid);
    else if (type === 'commit') await this.#commit(oid);
    else await this.#tag(oid);
    return writer.viewOf(oid) ?? oid;
  }

  async #read(type: ObjectType, oid: Oid): Promise<GitObject> {
    const object = await this.#parts.originals.read(oid);
    if (object?.type === type) return object;
    throw new RefgateError('INTERNAL', 'refgate', `the originals do not hold the ${type} ${oid}`);
  }

  async #blob(oid: Oid): Promise<void> {
    const { context, writer, originals, onClean } = this.#parts;
    const info = await originals.info(oid);
    if (info !== undefined && info.size > largest) {
      await writer.masked('blob', oid, context.view.unread(oid));
      return;
    }
    const { content } = await this.#read('blob', oid);
    const masked = context.view.blob(content);
    if (masked === undefined) onClean('blob', oid, content);
    else await writer.masked('blob', oid, masked);
  }

  async #tree(oid: Oid): Promise<void> {
    const { context, writer, fresh, onClean } = this.#parts;
    const { content } = await this.#read('tree', oid);
    const cursor = new TreeCursor(content, hashBytes(context.format));
    for (; cursor.parse(); cursor.next()) {
      const { kind, oid: entry } = cursor;
      if (kind !== 'submodule' && fresh.has(entry))
        await this.decide(kind === 'tree' ? 'tree' : 'blob', entry);
    }
    if (cursor.broken) throw malformed('tree', oid);
    const masked = context.view.tree(content, writer.contentViewOf);
    if (masked === undefined) onClean('tree', oid, content);
    else await writer.tree(oid, masked);
  }

  /** Its parents, and what its text names, must be decided before. */
  async #commit(oid: Oid): Promise<void> {
    const { context, writer, onClean } = this.#parts;
    const { content } = await this.#read('commit', oid);
    const { tree, parents } = commitLinks(oid, content);
    await this.decide('tree', tree);
    const pin = context.rows.pinOf(oid);
    if (pin !== undefined) {
      writer.affected('commit', oid, pin.content);
      return;
    }
    const isBehind = parents.some((parent) => writer.viewOf(parent) !== undefined);
    const named = await this.#named('commit', content, isBehind ? oid : undefined);
    const masked = context.view.commit(content, linksOf(writer, tree, parents), named);
    if (masked === undefined) onClean('commit', oid, content);
    else await writer.masked('commit', oid, masked);
  }

  async #tag(oid: Oid): Promise<void> {
    const { context, writer, onClean } = this.#parts;
    const { content } = await this.#read('tag', oid);
    const target = tagLinks(oid, content);
    const view = await this.decide(target.type, target.oid);
    const pin = context.rows.pinOf(oid);
    if (pin !== undefined) {
      writer.affected('tag', oid, pin.content);
      return;
    }
    const isBehind = view !== target.oid && target.type === 'commit';
    const named = await this.#named('tag', content, isBehind ? target.oid : undefined);
    const masked: MaskedContent | undefined = context.view.tag(content, writer.viewOf, named);
    if (masked === undefined) onClean('tag', oid, content);
    else await writer.masked('tag', oid, masked);
  }

  /** What a text names: all of it must be decided before. @param commit whose ancestors are told apart; of none when not said */
  async #named(type: 'commit' | 'tag', content: Buffer, commit: Oid | undefined): Promise<NamedOids> {
    const { context, writer } = this.#parts;
    const originals = new Map<Oid, Oid>();
    for (const oid of commit === undefined ? [] : namedOids(type, content, context.format)) {
      const original = writer.commitViewOf(oid) === undefined ? writer.commitBehind(oid) : oid;
      if (original !== undefined) originals.set(oid, original);
    }
    const among = new Set(originals.values());
    const ancestors =
      commit === undefined || among.size === 0 ? among : await this.#ancestorsAmong(among, commit);
    const viewOfAncestor = (oid: Oid): Oid | undefined => {
      const original = originals.get(oid);
      return original !== undefined && ancestors.has(original) ? writer.commitViewOf(original) : undefined;
    };
    return { viewOfAncestor, isAffected: writer.isAffected };
  }

  /** Those of the commits that this one reaches. */
  async #ancestorsAmong(commits: ReadonlySet<Oid>, commit: Oid): Promise<ReadonlySet<Oid>> {
    const { originals, context } = this.#parts;
    const { signal, folder } = context;
    const reached = new Set<Oid>();
    for (const oid of commits) if ((await originals.info(oid))?.type === 'commit') reached.add(oid);
    if (reached.size === 0) return reached;
    // Each of them is listed that the commit does not reach.
    const input = (async function* () {
      for (const oid of [...reached, `^${commit}`]) yield `${oid}\n`;
    })();
    for await (const oids of splitOutput(
      streamGit(folder.originals, ['rev-list', '--stdin'], { input, signal }),
      '\n',
    ))
      for (const oid of oids) reached.delete(oid);
    return reached;
  }
}

/** Objects of more bytes are not read. */
const largest = 64 * 1024 * 1024;

/** The view of a commit's links: nothing else that it may name is mapped, since that would depend on what is known already. */
export function linksOf(writer: ViewWriter, tree: Oid, parents: readonly Oid[]): ViewOf {
  return (oid) => {
    if (oid === tree) return writer.contentViewOf(oid);
    return parents.includes(oid) ? writer.commitViewOf(oid) : undefined;
  };
}
