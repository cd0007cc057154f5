import { createHash } from 'node:crypto';
import { RefgateError } from '../domain/error.ts';
import type { LedgerEvent } from '../domain/record.ts';
import { canonicalJson } from './canonical-json.ts';
import { leafHash } from './merkle-tree.ts';

/** Leaves fit a tlog entry bundle (C2SP tlog-tiles), whose lengths are 16 bits. */
const maxLeafBytes = 65_535;

/** What one event may weigh at all, in bytes. */
const maxDataBytes = 64 << 20;

const hashBytes = 32;

/** An event as it is stored: its leaf, and its data beside it when they do not fit. */
export interface Leaf {
  readonly hash: Buffer;
  /** The leaf hash, then the leaf. */
  readonly row: Buffer;
  readonly blob?: { readonly digest: string; readonly bytes: Buffer };
}

/** Data that lie beside the leaf, under their SHA-256. */
interface BlobReference {
  readonly blob: string;
  readonly bytes: number;
}

/** The canonical bytes of an event and their hash. Throws INTERNAL when JSON cannot hold it, LIMIT_EXCEEDED beyond 64 MiB. */
export function formatLeaf(event: LedgerEvent): Leaf {
  const whole = Buffer.from(canonicalJson(event));
  if (whole.length <= maxLeafBytes) return toLeaf(whole);
  const bytes = Buffer.from(canonicalJson(event.data));
  if (bytes.length > maxDataBytes) {
    throw new RefgateError(
      'LIMIT_EXCEEDED',
      'client',
      `an event of ${bytes.length} bytes; make smaller requests`,
    );
  }
  const digest = sha256(bytes);
  const reference: BlobReference = { blob: digest, bytes: bytes.length };
  const leaf = Buffer.from(canonicalJson({ ...event, data: reference }));
  if (leaf.length > maxLeafBytes)
    throw new RefgateError('INTERNAL', 'refgate', 'an event whose context is too long');
  return { ...toLeaf(leaf), blob: { digest, bytes } };
}

function toLeaf(leaf: Buffer): Leaf {
  const hash = leafHash(leaf);
  return { hash, row: Buffer.concat([hash, leaf]) };
}

/** The hash and the leaf of a row of the store. Throws LEDGER_CORRUPT when they do not agree. */
export function readRow(seq: number, row: Uint8Array): { hash: Buffer; leaf: Buffer } {
  const bytes = Buffer.from(row.buffer, row.byteOffset, row.byteLength);
  const hash = bytes.subarray(0, hashBytes);
  const leaf = bytes.subarray(hashBytes);
  if (!leafHash(leaf).equals(hash)) throw corrupt(seq, 'was changed');
  return { hash, leaf };
}

/**
 * The event of a leaf; `blob` fetches data that lie beside it. Throws
 * LEDGER_CORRUPT when the leaf is not of this sequence number or its data are
 * missing or changed.
 */
export async function parseLeaf(
  seq: number,
  leaf: Buffer,
  blob: (digest: string) => Promise<Uint8Array | undefined>,
): Promise<LedgerEvent> {
  const event = parseEvent(seq, leaf);
  if (event.seq !== seq) throw corrupt(seq, `carries the number ${event.seq}`);
  const data: unknown = event.data;
  if (!isBlobReference(data)) return event;
  const bytes = await blob(data.blob);
  if (!bytes) throw corrupt(seq, 'has lost its data');
  if (bytes.length !== data.bytes || sha256(bytes) !== data.blob) throw corrupt(seq, 'has changed data');
  return { ...event, data: JSON.parse(Buffer.from(bytes).toString()) };
}

function parseEvent(seq: number, leaf: Buffer): LedgerEvent {
  try {
    return JSON.parse(leaf.toString());
  } catch (cause) {
    throw corrupt(seq, 'is not JSON', cause);
  }
}

function isBlobReference(data: unknown): data is BlobReference {
  return typeof data === 'object' && data !== null && 'blob' in data && typeof data.blob === 'string';
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** LEDGER_CORRUPT, naming the first sequence number that is not right. */
export function corrupt(seq: number, what: string, cause?: unknown): RefgateError {
  return new RefgateError('LEDGER_CORRUPT', 'operator', `event ${seq} ${what}`, { cause });
}
