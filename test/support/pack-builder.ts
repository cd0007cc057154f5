/**
 * Packs, right or wrong in exactly one way, gitformat-pack(5). Nothing here
 * checks anything.
 */
import { createHash } from 'node:crypto';
import { deflateSync } from 'node:zlib';
import type { ObjectFormat, ObjectType, Oid } from '../../src/domain/git.ts';

const typeNumbers = { commit: 1, tree: 2, blob: 3, tag: 4, ofs: 6, ref: 7 } as const;

export function oidOf(type: ObjectType, content: Buffer, format: ObjectFormat = 'sha1'): Oid {
  return createHash(format).update(`${type} ${content.length}\0`).update(content).digest('hex');
}

/** Type and size as they stand before the data of an entry. */
export function entryHead(type: number, size: number | bigint): Buffer {
  let left = BigInt(size);
  const bytes = [(type << 4) | Number(left & 15n)];
  for (left >>= 4n; left > 0n; left >>= 7n) {
    bytes.push((bytes.pop() as number) | 0x80, Number(left & 127n));
  }
  return Buffer.from(bytes);
}

export interface EntryFaults {
  /** Announced instead of the size of the content. */
  readonly size?: number | bigint;
  /** Stands there instead of the deflated content. */
  readonly data?: Buffer;
}

export function entry(type: ObjectType | number, content: Buffer, faults: EntryFaults = {}): Buffer {
  const number = typeof type === 'number' ? type : typeNumbers[type];
  return Buffer.concat([
    entryHead(number, faults.size ?? content.length),
    faults.data ?? deflateSync(content),
  ]);
}

export const blob = (text: string): Buffer => entry('blob', Buffer.from(text));

/** @param distance from the beginning of this entry back to that of its base. */
export function ofsDelta(distance: number | bigint, delta: Buffer, level = 6): Buffer {
  let left = BigInt(distance);
  const bytes = [Number(left & 127n)];
  for (left >>= 7n; left > 0n; left >>= 7n) {
    left -= 1n;
    bytes.unshift(Number(left & 127n) | 0x80);
  }
  return Buffer.concat([
    entryHead(typeNumbers.ofs, delta.length),
    Buffer.from(bytes),
    deflateSync(delta, { level }),
  ]);
}

export function refDelta(base: Oid, delta: Buffer): Buffer {
  return Buffer.concat([
    entryHead(typeNumbers.ref, delta.length),
    Buffer.from(base, 'hex'),
    deflateSync(delta),
  ]);
}

/** A size as deltas write it. */
export function deltaSize(size: number | bigint): Buffer {
  let left = BigInt(size);
  const bytes: number[] = [];
  for (; left > 127n; left >>= 7n) bytes.push(Number(left & 127n) | 0x80);
  return Buffer.from([...bytes, Number(left)]);
}

export const delta = (
  baseSize: number | bigint,
  resultSize: number | bigint,
  ...instructions: Buffer[]
): Buffer => Buffer.concat([deltaSize(baseSize), deltaSize(resultSize), ...instructions]);

/** A copy instruction with all its arguments written out. */
export function copy(offset: number, size: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeUInt8(0xff, 0);
  bytes.writeUInt32LE(offset, 1);
  bytes.writeUIntLE(size, 5, 3);
  return bytes;
}

export const insert = (text: string): Buffer =>
  Buffer.concat([Buffer.from([text.length]), Buffer.from(text)]);

/** A delta that makes `base + text`. */
export function appending(base: Buffer, text: string): Buffer {
  return delta(base.length, base.length + text.length, copy(0, base.length), insert(text));
}

export interface PackFaults {
  readonly count?: number;
  readonly version?: number;
  readonly magic?: string;
  readonly format?: ObjectFormat;
  readonly trailer?: Buffer;
}

export function pack(entries: readonly Buffer[], faults: PackFaults = {}): Buffer {
  const header = Buffer.alloc(12);
  header.write(faults.magic ?? 'PACK', 'latin1');
  header.writeUInt32BE(faults.version ?? 2, 4);
  header.writeUInt32BE(faults.count ?? entries.length, 8);
  const body = Buffer.concat([header, ...entries]);
  const trailer =
    faults.trailer ??
    createHash(faults.format ?? 'sha1')
      .update(body)
      .digest();
  return Buffer.concat([body, trailer]);
}

export function treeEntry(mode: string, name: string | Buffer, oid: Oid = '1'.repeat(40)): Buffer {
  return Buffer.concat([
    Buffer.from(`${mode} `),
    Buffer.from(name),
    Buffer.from([0]),
    Buffer.from(oid, 'hex'),
  ]);
}

export const tree = (...entries: Buffer[]): Buffer => Buffer.concat(entries);

const person = 'Ann Author <ann@example.com> 1700000000 +0000';

/** A commit of a tree that need not exist; `lines` stand instead of all header lines. */
export function commit(lines: readonly string[] = commitLines(), message = 'why\n'): Buffer {
  return Buffer.from(`${lines.map((line) => `${line}\n`).join('')}\n${message}`, 'latin1');
}

export function commitLines(parents: readonly Oid[] = [], tree: Oid = '1'.repeat(40)): string[] {
  return [
    `tree ${tree}`,
    ...parents.map((oid) => `parent ${oid}`),
    `author ${person}`,
    `committer ${person}`,
  ];
}
