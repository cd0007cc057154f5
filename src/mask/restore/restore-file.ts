import type { Oid } from '../../domain/git.ts';
import type { PlaceholderUse } from '../../domain/mask.ts';
import { placeholdersIn } from '../view/masked-lines.ts';
import { literalRule, unscannedRule } from '../view/placeholder.ts';
import type { MaskedContent } from '../view/view-function.ts';
import type { DeletedFiles } from './deleted-files.ts';
import { KeptLines } from './kept-lines.ts';
import { type LooseUse, putBack, type SecretSource, usesOf } from './put-back.ts';
import { foreign, newSecret, notRestored, type Place, shortOid } from './refusal.ts';
import { isSensitivePath } from './sensitive-paths.ts';
import type { Sides } from './sides.ts';
import { textOf } from './tree-entries.ts';

/** A use whose commit is not made yet. */
export type EarlyUse = Omit<PlaceholderUse, 'commit'>;

/** A file that a commit, or a tag, brings or changes. */
export interface FileSpot {
  /** The commit or tag as the client has it. */
  readonly object: Oid;
  /** It was made on a view that was replaced by a newer one. */
  readonly isOld: boolean;
  /** As the client has it, and as the upstream has it; latin1. */
  readonly viewPath: string;
  readonly path: string;
  readonly isLink: boolean;
  /** The originals of the same path in the parents; links only where it is one. */
  readonly before: readonly Oid[];
  /** The same in what the refs of the push held before. */
  readonly tips: () => Promise<readonly Oid[]>;
  /** Whether something behind the commit had this original at the same path. */
  readonly past: (original: Oid) => Promise<boolean>;
  readonly deleted: DeletedFiles;
}

/** Restores the contents of files. Uses of placeholders elsewhere than on their own lines are told to `onUse`. */
export class FileRestorer {
  readonly #sides: Sides;
  readonly #onUse: (use: EarlyUse) => void;

  constructor(sides: Sides, onUse: (use: EarlyUse) => void) {
    this.#sides = sides;
    this.#onUse = onUse;
  }

  /** The original of a blob at this place. Throws VIEW_* and LIMIT_EXCEEDED (client). */
  async restore(view: Oid, spot: FileSpot): Promise<Oid> {
    const known = await this.#sides.known(view);
    const fault = `${shortOid(spot.object)}, ${textOf(spot.viewPath)}: the blob ${shortOid(view)}`;
    if (known === undefined) return this.#fresh(view, spot, fault);
    if (known.type !== 'blob') throw foreign(`${fault} is a ${known.type}`);
    if (known.original !== view) await this.#carried(known.original, spot);
    await this.#sides.sentAgain.add(view);
    return known.original;
  }

  /** Content of the view at a place, or with a mode, that it did not have. */
  async #carried(original: Oid, spot: FileSpot): Promise<void> {
    if (spot.isLink && (await spot.tips()).includes(original)) return;
    const isMove = !spot.before.includes(original) && (await spot.deleted.move(original, spot.isLink));
    const isSensitive = isSensitivePath(textOf(spot.path));
    if (isMove && !isSensitive) return;
    if (!spot.isLink && !isSensitive && spot.before.length === 0 && (await spot.past(original))) return;
    const masked = await this.#maskedOf(original);
    // An older view masked what this one shows.
    if (masked === undefined) return;
    if (!isMove && !spot.isLink && masked.whole === undefined) {
      const uses = await usesOf(masked.content, await this.#source(spot));
      for (const use of uses) this.#use(use, spot);
      this.#moved(original, masked.original, uses, spot);
      return;
    }
    if (spot.before.includes(original) || (await spot.tips()).includes(original)) return;
    for (const { rule } of masked.spans) this.#use({ rule, how: isMove ? 'moved' : 'new' }, spot);
  }

  async #fresh(view: Oid, spot: FileSpot, fault: string): Promise<Oid> {
    const pushed = await this.#sides.readPushed(view);
    if (pushed === undefined) throw foreign(`${fault} is not in your view`);
    if (pushed.type !== 'blob') throw foreign(`${fault} is a ${pushed.type}`);
    const { content } = pushed;
    this.#refuseSecrets(content, spot);
    const original = placeholdersIn(content).length === 0 ? view : await this.#filled(content, spot);
    this.#sides.pair('blob', view, original);
    return original;
  }

  #refuseSecrets(content: Buffer, spot: FileSpot): void {
    const { secrets, unscanned } = this.#sides.context.view.find(content);
    const secret = secrets.find(({ rule }) => rule !== literalRule);
    if (secret !== undefined) throw newSecret(placeOf(spot, secret.line), secret);
    const [why] = unscanned;
    if (why !== undefined)
      throw notRestored(placeOf(spot), `it cannot be searched for secrets (${why}); leave it out`);
  }

  async #filled(content: Buffer, spot: FileSpot): Promise<Oid> {
    const source = await this.#source(spot);
    const { content: filled, uses, unknown } = await putBack(content, source);
    const [first] = unknown;
    if (first !== undefined)
      throw notRestored(
        placeOf(spot, first.line),
        `${first.placeholder} looks like a placeholder, and stands for nothing; take it out`,
      );
    const masked = this.#sides.context.view.blob(filled);
    const shown = masked?.content ?? filled;
    if (!shown.equals(content) && !this.#wasShown(content, filled, spot))
      throw this.#mismatch(content, shown, masked, uses, spot);
    for (const use of uses) this.#use(use, spot);
    const original = this.#sides.made.add('blob', filled);
    this.#moved(original, filled, uses, spot);
    return original;
  }

  /** Whether a view that masked what is allowed since then showed the original as this content. */
  #wasShown(content: Buffer, original: Buffer, { isOld }: FileSpot): boolean {
    return isOld && this.#sides.context.viewOfAll?.blob(original)?.content.equals(content) === true;
  }

  /** Tells of a file whose secrets are elsewhere than they were; a new one may have them all from what goes with the same commit. */
  #moved(oid: Oid, content: Buffer, uses: readonly LooseUse[], { path, isLink, before }: FileSpot): void {
    if (uses.length === 0) return;
    const text = textOf(path);
    const isMove = uses.every(({ how }) => how === 'moved');
    const isUse = !isMove || isLink || before.length > 0 || isSensitivePath(text);
    const fingerprints = this.#sides.context.view.find(content).secrets.map((one) => one.fingerprint);
    this.#sides.moved.push({ path: text, oid, fingerprints, ...(isUse ? { isUse } : {}) });
  }

  #mismatch(
    content: Buffer,
    shown: Buffer,
    masked: MaskedContent | undefined,
    uses: readonly LooseUse[],
    spot: FileSpot,
  ): Error {
    const advice = 'take the line, and those around it, as they are in the commit before';
    if (masked?.whole !== undefined)
      return notRestored(
        placeOf(spot),
        'with its secrets it cannot be searched, and is one placeholder as a whole; leave it as it was',
      );
    const line = uses[0]?.line ?? firstDifference(content, shown);
    return notRestored(placeOf(spot, line), `here the secret would no longer be found; ${advice}`);
  }

  async #source({ before, tips, deleted, isLink, isOld }: FileSpot): Promise<SecretSource> {
    const own = new KeptLines();
    const { rows } = this.#sides.context;
    if (!isLink)
      for (const oid of new Set([...before, ...(await tips())])) {
        const masked = this.#sides.viewOf(oid) === undefined ? undefined : await this.#maskedOf(oid);
        if (masked !== undefined) own.addVersion(masked.original, masked);
        if (isOld) await this.#addAllMasked(oid, own);
      }
    return {
      own,
      moved: async (key) => (isLink ? undefined : deleted.line(key)),
      secretOf: (placeholder) => rows.secretOf(placeholder),
    };
  }

  /** The lines of an original as they were shown before values of it were allowed. */
  async #addAllMasked(oid: Oid, own: KeptLines): Promise<void> {
    const original = await this.#sides.readOriginalBlob(oid);
    const masked = original && this.#sides.context.viewOfAll?.blob(original);
    if (masked !== undefined) own.addVersion(original as Buffer, masked);
  }

  /** An original as it is shown; undefined where that is as it is. */
  async #maskedOf(original: Oid): Promise<(MaskedContent & { readonly original: Buffer }) | undefined> {
    const found = await this.#sides.readOriginalBlob(original);
    if (found === undefined) return tooLargeToShow;
    const masked = this.#sides.context.view.blob(found);
    return masked && { ...masked, original: found };
  }

  #use({ rule, line, how }: LooseUse, { path, isLink, before }: FileSpot): void {
    const text = textOf(path);
    const isSensitive = isSensitivePath(text);
    if (how === 'moved' && !isSensitive) return;
    const place = before.length === 0 ? 'new-file' : 'new-line';
    const kind = isLink ? 'symlink' : isSensitive ? 'sensitive-path' : place;
    this.#onUse({ how: kind, rule, path: text, ...(line === undefined ? {} : { line }) });
  }
}

const nothing = Buffer.alloc(0);
const everything = {
  start: 0,
  end: 0,
  viewStart: 0,
  viewEnd: 0,
  rule: unscannedRule,
  placeholder: '',
  secret: nothing,
};
const tooLargeToShow = { content: nothing, original: nothing, spans: [everything], whole: 'it is too large' };

function placeOf({ object, viewPath }: FileSpot, line?: number): Place {
  return { object, in: textOf(viewPath), line };
}

/** The line, counted from 1, of the first byte that differs. */
function firstDifference(one: Buffer, other: Buffer): number {
  let line = 1;
  for (let at = 0; at < one.length && one[at] === other[at]; at++) if (one[at] === 10) line++;
  return line;
}
