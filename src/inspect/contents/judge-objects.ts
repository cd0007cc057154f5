import type { ObjectType, Oid } from '../../domain/git.ts';
import { admitAt } from '../secrets/locate.ts';
import { type FoundList, findingOf, placeInObject } from './finding.ts';
import type { PackObjects, PackScan, ScannedBlob } from './walk-order.ts';

type Found = Pick<FoundList, 'find' | 'miss'>;

/** Tags that name tags are followed so far. */
const maxTagDepth = 32;

const tagTarget = /^object ([0-9a-f]+)\ntype (\w+)\n/;

/** Looks for secrets in what is no file: commits, tags, names of refs, push options. */
export class ObjectJudge {
  readonly #pack: PackObjects;
  readonly #scan: PackScan;
  readonly #baseline: ReadonlySet<string>;

  constructor(pack: PackObjects, scan: PackScan, baseline: ReadonlySet<string>) {
    this.#pack = pack;
    this.#scan = scan;
    this.#baseline = baseline;
  }

  /** @param borrowed the commit is not in the pack. */
  commit(oid: Oid, content: Buffer, borrowed: boolean, found: Found): void {
    const alone = borrowed ? this.#scan.scan(content) : undefined;
    const unscanned = alone?.unscanned ?? this.#scan.unscanned?.(oid) ?? [];
    if (unscanned.length > 0) found.miss({ what: 'content', text: unscanned.join('; '), commit: oid, oid });
    const secrets = alone?.secrets ?? this.#scan.object(oid);
    if (secrets.length === 0) return;
    for (const secret of admitAt(secrets, undefined, oid)) {
      const where = { ...placeInObject(content, 'commit', secret), commit: oid, oid };
      found.find(findingOf(secret, where, this.#baseline));
    }
  }

  /** Follows tags of the pack to what they name in the end. Throws LIMIT_EXCEEDED (client). */
  peel(tip: Oid, found: Found): { readonly oid: Oid; readonly type: ObjectType | undefined } {
    let oid = tip;
    let type = this.#pack.typeOf(oid);
    for (let depth = 0; type === 'tag'; depth++) {
      if (depth === maxTagDepth) {
        found.miss({ what: 'history', text: `over ${maxTagDepth} tags of tags`, oid });
        break;
      }
      const content = this.#pack.read(oid) as Buffer;
      this.#pack.markReached(oid);
      this.#tag(oid, content, found);
      const target = tagTarget.exec(content.toString('latin1', 0, 128));
      oid = target?.[1] ?? '';
      type = this.#pack.typeOf(oid);
      // The upstream has what the pack has not.
      if (type === undefined) return { oid, type: target?.[2] as ObjectType | undefined };
    }
    return { oid, type };
  }

  #tag(oid: Oid, content: Buffer, found: Found): void {
    const unscanned = this.#scan.unscanned?.(oid) ?? [];
    if (unscanned.length > 0) found.miss({ what: 'content', text: unscanned.join('; '), oid });
    for (const secret of admitAt(this.#scan.object(oid), undefined)) {
      const where = { ...placeInObject(content, 'tag', secret), oid };
      found.find(findingOf(secret, where, this.#baseline));
    }
  }

  /** A blob that a tag or ref names itself. */
  blob(oid: Oid, found: Found): void {
    this.#pack.markReached(oid);
    this.blobAs(oid, this.#scan.blob(oid), found);
  }

  /** The same for a blob that was searched already, or could not be had. */
  blobAs(oid: Oid, blob: Pick<ScannedBlob, 'secrets' | 'unscanned'> | undefined, found: Found): void {
    const unscanned = blob?.unscanned ?? ['it was not searched'];
    if (unscanned.length > 0) found.miss({ what: 'content', text: unscanned.join('; '), oid });
    for (const secret of admitAt(blob?.secrets ?? [], undefined))
      found.find(findingOf(secret, { place: 'file', line: secret.line, oid }, this.#baseline));
  }

  /** The name of a ref, or a push option. */
  text(text: string, place: 'ref' | 'push-option', found: Found): void {
    const { secrets, unscanned } = this.#scan.scan(Buffer.from(text));
    if (unscanned.length > 0) found.miss({ what: 'content', text: `a ${place}: ${unscanned.join('; ')}` });
    for (const secret of secrets) found.find(findingOf(secret, { place }, this.#baseline));
  }
}
