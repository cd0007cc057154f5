import type { ObjectType, Oid } from '../../domain/git.ts';
import { createPackWriter, type PackWriter } from '../objects/pack-writer.ts';
import type { RowBatch } from '../rows/view-rows.ts';
import { idRule } from '../view/message-ids.ts';
import type { MaskedContent, MaskedSpan, MaskedTree } from '../view/view-function.ts';
import type { BuildContext } from './contract.ts';
import { RecentContents } from './recent-contents.ts';

const pairsPerBatch = 10_000;
const spansPerBatch = 5_000;

interface Pair {
  readonly type: ObjectType;
  readonly oid: Oid;
}

/**
 * Puts objects into the view of an epoch, and remembers which original each of them stands for. Nothing that it was
 * given is seen by others before `flush`; what is given again after a crash does no harm.
 */
export class ViewWriter {
  readonly #context: BuildContext;
  readonly #pairs = new Map<Oid, Pair>();
  readonly #originals = new Map<Oid, Oid>();
  readonly #recent = new RecentContents();
  readonly #placeholders = new Set<string>();
  readonly #aliases = new Set<string>();
  #unwritten: Oid[] = [];
  #pack: PackWriter | undefined;
  #notes: RowBatch | undefined;
  #noteCount = 0;

  constructor(context: BuildContext) {
    this.#context = context;
  }

  /** Placeholders that were not there before. */
  get placeholders(): ReadonlySet<string> {
    return this.#placeholders;
  }

  /** Of trees and blobs: what an entry of a tree names. */
  readonly contentViewOf = (oid: Oid): Oid | undefined => {
    const pair = this.pairOf(oid);
    return pair?.type === 'blob' || pair?.type === 'tree' ? pair.oid : undefined;
  };

  readonly viewOf = (oid: Oid): Oid | undefined => this.pairOf(oid)?.oid;

  readonly commitViewOf = (oid: Oid): Oid | undefined => {
    const pair = this.pairOf(oid);
    return pair?.type === 'commit' ? pair.oid : undefined;
  };

  pairOf(oid: Oid): Pair | undefined {
    return this.#pairs.get(oid) ?? this.#context.rows.viewOf(oid, this.#context.epoch);
  }

  readonly isAffected = (oid: Oid): boolean => this.pairOf(oid) !== undefined;

  /** The commit that this one of the view stands for in this epoch. */
  commitBehind(view: Oid): Oid | undefined {
    const original = this.#originals.get(view) ?? this.#context.rows.originalOf(view)?.oid;
    return original !== undefined && this.commitViewOf(original) === view ? original : undefined;
  }

  /** Whether the view holds something of that name that stands for another original. */
  isRewritten(view: Oid): boolean {
    return this.#originals.has(view) || this.#context.rows.originalOf(view) !== undefined;
  }

  async masked(type: 'blob' | 'commit' | 'tag', original: Oid, masked: MaskedContent): Promise<Oid> {
    await this.#note(original, masked.spans, masked.whole !== undefined);
    return this.affected(type, original, masked.content);
  }

  /** @param before the original tree that stood at the place of this one. */
  async tree(original: Oid, masked: MaskedTree, before?: Oid): Promise<Oid> {
    for (const { spans } of masked.names) await this.#keepSecrets(original, spans);
    return this.affected('tree', original, masked.content, before);
  }

  /** An original whose view is this content. */
  affected(type: ObjectType, original: Oid, content: Buffer, before?: Oid): Oid {
    const base = before === undefined ? undefined : this.viewOf(before);
    const baseContent = base === undefined ? undefined : this.#recent.get(base);
    const near = base === undefined || baseContent === undefined ? {} : { base, baseContent };
    const oid = this.#open().add(type, content, near);
    if (type === 'tree') this.#recent.put(oid, content);
    this.#pairs.set(original, { type, oid });
    this.#originals.set(oid, original);
    this.#unwritten.push(original);
    return oid;
  }

  /** An object that is shown as it is. */
  clean(type: ObjectType, oid: Oid, content: Buffer): void {
    this.#open().add(type, content, { oid });
  }

  /** To be awaited every now and then: other work of the thread gets its turn. */
  async drain(): Promise<void> {
    await this.#pack?.drain();
  }

  /** First the objects are on disk, then the rows. What `also` adds is there before the pairs are. */
  async flush(also: (batch: RowBatch) => void = () => {}): Promise<void> {
    const { rows, epoch } = this.#context;
    const pack = this.#pack;
    this.#pack = undefined;
    await pack?.finish();
    also(this.#batch());
    await this.#writeNotes();
    const unwritten = this.#unwritten;
    for (let at = 0; at < unwritten.length; at += pairsPerBatch) {
      const batch = rows.batch(epoch);
      for (const original of unwritten.slice(at, at + pairsPerBatch)) {
        const { type, oid } = this.#pairs.get(original) as Pair;
        batch.pair(type, original, oid);
      }
      await batch.write();
    }
    this.#unwritten = [];
  }

  /** Removes what is not flushed. */
  abort(): void {
    this.#pack?.abort();
    this.#pack = undefined;
  }

  #open(): PackWriter {
    const { folder, format, epoch } = this.#context;
    this.#pack ??= createPackWriter({ gitDir: folder.view(epoch), format, temporary: folder.temporary });
    return this.#pack;
  }

  async #note(original: Oid, spans: readonly MaskedSpan[], isWhole: boolean): Promise<void> {
    if (spans.length === 0) return;
    this.#batch().spans(
      original,
      spans.map(({ start, end, rule }) => ({ start, end, rule })),
    );
    await this.#keepSecrets(original, spans, isWhole);
  }

  /** What a whole object became is found by its oid, and is too large to be kept. */
  async #keepSecrets(first: Oid, spans: readonly MaskedSpan[], isWhole = false): Promise<void> {
    for (const { placeholder, rule, secret } of spans) {
      if (this.#placeholders.has(placeholder) || this.#aliases.has(placeholder)) continue;
      // An oid is no value that anybody would count, and there may be many.
      (rule === idRule ? this.#aliases : this.#placeholders).add(placeholder);
      if (!isWhole) this.#batch().secret(placeholder, { rule, secret, first });
    }
    if (this.#noteCount >= spansPerBatch) await this.#writeNotes();
  }

  #batch(): RowBatch {
    this.#noteCount++;
    this.#notes ??= this.#context.rows.batch(this.#context.epoch);
    return this.#notes;
  }

  async #writeNotes(): Promise<void> {
    const notes = this.#notes;
    this.#notes = undefined;
    this.#noteCount = 0;
    await notes?.write();
  }
}
