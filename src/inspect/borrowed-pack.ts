import { createHash } from 'node:crypto';
import { type ErrorCode, RefgateError } from '../domain/error.ts';
import type { ObjectFormat, ObjectType, Oid } from '../domain/git.ts';
import { applyDelta, readDeltaHeader } from '../git/delta.ts';
import type { PackLimits } from '../git/pack-limits.ts';
import {
  frameRoom,
  objectTypeNames,
  type PackEntry,
  PackReader,
  packType,
  WorkBudget,
} from '../git/pack-stream.ts';
import { PktReader } from '../git/pkt-line.ts';
import { bandOne, demux } from '../git/sideband.ts';
import type { BorrowedObject } from './quarantine.ts';

/** What one answer of the upstream may cost; LIMIT_EXCEEDED (refgate) beyond it. */
export interface BorrowLimits extends PackLimits {
  /** Bytes of objects that are kept because a delta may still need them. */
  readonly maxKeptBytes: number;
}

const mib = 1024 * 1024;

export const defaultBorrowLimits: BorrowLimits = {
  maxBytes: 256 * mib,
  maxObjects: 2_000_000,
  maxObjectBytes: 32 * mib,
  maxInflatedBytes: 2048 * mib,
  maxDeltaDepth: 4095,
  maxKeptBytes: 32 * mib,
};

export interface ReadOptions {
  readonly format: ObjectFormat;
  readonly limits: BorrowLimits;
  /** `commits` passes over everything else without keeping it, `trees` over blobs and tags. */
  readonly keep: 'commits' | 'trees' | 'all';
  /** Called with every object, its oid computed from its content; false ends the reading. */
  readonly take: (object: BorrowedObject) => boolean;
}

/**
 * Reads the sideband pkt-lines of a fetch answer to the trailer of their pack,
 * and resolves their deltas in memory. False when `take` ended it before. Throws UPSTREAM_PROTOCOL when the pack is not
 * well-formed, and LIMIT_EXCEEDED (refgate) when it costs more than it may.
 */
export async function readBorrowedPack(pack: AsyncIterable<Buffer>, options: ReadOptions): Promise<boolean> {
  const objects = new ObjectResolver(options);
  const reader = new PackReader(objects, options.format, options.limits, objects.budget);
  const bands = bandOne(demux(new PktReader(pack, 'upstream'), 'eof'), (message) => {
    if (message.band === 3) throw new RefgateError('UPSTREAM_PROTOCOL', 'upstream', message.data.toString());
  });
  try {
    for await (const piece of bands) {
      reader.write(piece);
      if (objects.stopped) return false;
    }
    reader.end();
    objects.end();
    return true;
  } catch (error) {
    throw asUpstreamError(error);
  } finally {
    reader.close();
  }
}

const tooMuch: ReadonlySet<ErrorCode> = new Set([
  'PACK_TOO_LARGE',
  'PACK_TOO_MANY_OBJECTS',
  'PACK_OBJECT_TOO_LARGE',
  'PACK_INFLATED_TOO_LARGE',
  'PACK_DELTA_DEPTH',
]);

/** The pack reader blames the client; this pack is the upstream's. */
function asUpstreamError(cause: unknown): unknown {
  if (!(cause instanceof RefgateError) || cause.blame !== 'client') return cause;
  return tooMuch.has(cause.code)
    ? new RefgateError('LIMIT_EXCEEDED', 'refgate', `a borrowed pack: ${cause.message}`, { cause })
    : new RefgateError('UPSTREAM_PROTOCOL', 'upstream', `a borrowed pack: ${cause.message}`, { cause });
}

interface Resolved {
  readonly oid: Oid;
  readonly type: ObjectType;
  readonly content: Buffer;
  readonly depth: number;
}

interface Waiting {
  readonly delta: Buffer;
  readonly offset: number;
}

/** Turns entries into objects. Keeps the latest ones, for deltas, up to `maxKeptBytes`. */
class ObjectResolver {
  readonly budget: WorkBudget;
  stopped = false;
  readonly #options: ReadOptions;
  readonly #byOffset = new Map<number, Resolved>();
  readonly #byOid = new Map<Oid, Resolved>();
  readonly #waiting = new Map<Oid, Waiting[]>();
  #keptBytes = 0;
  #waitingBytes = 0;
  #forgotten = false;
  #pieces: Buffer[] = [];

  constructor(options: ReadOptions) {
    this.#options = options;
    this.budget = new WorkBudget(options.limits.maxInflatedBytes);
  }

  header(): void {}

  begin(): void {
    this.#pieces = [];
  }

  whole(entry: PackEntry, frame: Buffer): void {
    if (this.#wanted(entry))
      this.#pieces.push(Buffer.from(frame.subarray(frameRoom, frameRoom + entry.size)));
  }

  piece(entry: PackEntry, piece: Buffer): void {
    if (this.#wanted(entry)) this.#pieces.push(Buffer.from(piece));
  }

  end(entry?: PackEntry): void {
    if (entry === undefined) {
      this.#checkWaiting();
      return;
    }
    if (this.stopped || !this.#wanted(entry)) return;
    const [first] = this.#pieces;
    const content = this.#pieces.length === 1 && first ? first : Buffer.concat(this.#pieces);
    this.#pieces = [];
    const type = objectTypeNames[entry.type];
    if (type !== undefined) this.#add(this.#resolved(type, content, 0), entry.offset);
    else this.#addDelta(entry, content);
  }

  #wanted(entry: PackEntry): boolean {
    const { keep } = this.#options;
    if (keep === 'all' || entry.type === packType.commit || entry.type > packType.tag) return true;
    return keep === 'trees' && entry.type === packType.tree;
  }

  #addDelta(entry: PackEntry, delta: Buffer): void {
    if (entry.type === packType.ofsDelta) {
      const base = this.#byOffset.get(entry.baseOffset);
      if (base) this.#add(this.#apply(base, delta), entry.offset);
      // Without forgetting, a base that is not kept is not of a type that is asked for, and so its delta is not.
      else if (this.#forgotten || this.#options.keep === 'all') throw limit('deltas reach too far back');
      return;
    }
    const baseOid = Buffer.from(entry.baseOid).toString('hex');
    const base = this.#byOid.get(baseOid);
    if (base) {
      this.#add(this.#apply(base, delta), entry.offset);
      return;
    }
    this.#waitingBytes += delta.length + 256;
    if (this.#waitingBytes > this.#options.limits.maxKeptBytes)
      throw limit('too many deltas wait for their base');
    const waiting = this.#waiting.get(baseOid) ?? [];
    waiting.push({ delta, offset: entry.offset });
    this.#waiting.set(baseOid, waiting);
  }

  #apply(base: Resolved, delta: Buffer): Resolved {
    const header = readDeltaHeader(delta);
    const { maxObjectBytes, maxDeltaDepth } = this.#options.limits;
    if (header.baseSize !== base.content.length)
      throw new RefgateError('PACK_DELTA', 'client', 'its base has another size');
    if (header.resultSize > maxObjectBytes) throw limit(`an object of ${header.resultSize} bytes`);
    if (base.depth >= maxDeltaDepth) throw limit('a delta chain is too deep');
    this.budget.spend(header.resultSize);
    const content = Buffer.allocUnsafeSlow(header.resultSize);
    applyDelta(base.content, delta, header, content, 0);
    return this.#resolved(base.type, content, base.depth + 1);
  }

  #resolved(type: ObjectType, content: Buffer, depth: number): Resolved {
    const hash = createHash(this.#options.format).update(`${type} ${content.length}\0`).update(content);
    return { oid: hash.digest('hex'), type, content, depth };
  }

  #add(first: Resolved, offset: number): void {
    const found: { object: Resolved; offset: number }[] = [{ object: first, offset }];
    for (let next = found.pop(); next && !this.stopped; next = found.pop()) {
      const { object } = next;
      this.#keep(object, next.offset);
      if (!this.#options.take({ oid: object.oid, type: object.type, content: object.content }))
        this.stopped = true;
      for (const { delta, offset: at } of this.#waiting.get(object.oid) ?? []) {
        this.#waitingBytes -= delta.length + 256;
        found.push({ object: this.#apply(object, delta), offset: at });
      }
      this.#waiting.delete(object.oid);
    }
  }

  #keep(object: Resolved, offset: number): void {
    this.#byOffset.set(offset, object);
    this.#byOid.set(object.oid, object);
    this.#keptBytes += object.content.length + 256;
    for (const [oldest, kept] of this.#byOffset) {
      if (this.#keptBytes <= this.#options.limits.maxKeptBytes) return;
      this.#byOffset.delete(oldest);
      this.#byOid.delete(kept.oid);
      this.#keptBytes -= kept.content.length + 256;
      this.#forgotten = true;
    }
  }

  #checkWaiting(): void {
    if (this.#waiting.size === 0 || (this.#options.keep !== 'all' && !this.#forgotten)) return;
    throw limit('deltas whose base did not come');
  }
}

function limit(detail: string): RefgateError {
  return new RefgateError('LIMIT_EXCEEDED', 'refgate', `a borrowed pack: ${detail}`);
}
