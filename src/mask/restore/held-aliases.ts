import type { Oid } from '../../domain/git.ts';
import type { GitObjects } from '../objects/git-objects.ts';
import type { ViewRows } from '../rows/view-rows.ts';
import { idRule } from '../view/message-ids.ts';
import { headerOf, parseObjectText, valuesOf } from './object-text.ts';

const aliases = new RegExp(`REDACTED-${idRule}-[0-9a-f]{16}`, 'g');

/** How many objects behind the old values of refs are looked at. */
const mostOld = 500;

/** What is known of the view that a push came from. */
interface ViewSide {
  readonly context: { readonly rows: Pick<ViewRows, 'secretOf'>; readonly views: Pick<GitObjects, 'read'> };
  /** Throws the signal's reason. */
  checkSignal(): void;
}

/**
 * Aliases of oids in messages. One that a parent shows, or what the ref named before and what is behind that, as an
 * amended, rebased or reverted commit does, is the oid that it stands for; any other is text.
 */
export class HeldAliases {
  readonly #side: ViewSide;
  readonly #tips = new Set<Oid>();
  #old: Promise<ReadonlySet<string>> | undefined;

  constructor(side: ViewSide) {
    this.#side = side;
  }

  /** @param view what a ref of the push named before. */
  addOld(view: Oid): void {
    this.#tips.add(view);
  }

  /** The message with the oids of originals. @param parents of the view */
  async putBack(message: string | undefined, parents: readonly Oid[]): Promise<string | undefined> {
    const oids = new Map<string, string>();
    for (const [alias] of message?.matchAll(aliases) ?? []) {
      const kept = oids.has(alias) ? undefined : this.#side.context.rows.secretOf(alias);
      if (kept?.rule === idRule && (await this.#isHeld(alias, parents)))
        oids.set(alias, kept.secret.toString('latin1'));
    }
    return oids.size === 0 ? message : message?.replace(aliases, (alias) => oids.get(alias) ?? alias);
  }

  async #isHeld(alias: string, parents: readonly Oid[]): Promise<boolean> {
    for (const parent of parents)
      if ((await this.#side.context.views.read(parent))?.content.includes(alias)) return true;
    this.#old ??= this.#readOld();
    return (await this.#old).has(alias);
  }

  async #readOld(): Promise<ReadonlySet<string>> {
    const found = new Set<string>();
    const open = new Set(this.#tips);
    let looked = 0;
    for (const oid of open) {
      if (++looked > mostOld) break;
      this.#side.checkSignal();
      const object = await this.#side.context.views.read(oid);
      if (object?.type !== 'commit' && object?.type !== 'tag') continue;
      const text = parseObjectText(object.content);
      for (const [alias] of text.message?.matchAll(aliases) ?? []) found.add(alias);
      const behind = object.type === 'tag' ? headerOf(text, 'object') : undefined;
      for (const next of behind === undefined ? valuesOf(text, 'parent') : [behind]) open.add(next);
    }
    return found;
  }
}
