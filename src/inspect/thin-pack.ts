import { createHash, hash } from 'node:crypto';
import { closeSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { crc32, deflateSync } from 'node:zlib';
import { RefgateError } from '../domain/error.ts';
import type { ObjectFormat, ObjectType, Oid } from '../domain/git.ts';
import { objectTypeNames, packHeaderBytes } from '../git/pack-stream.ts';
import { readFully, writeFully } from './delta-content.ts';
import type { EntryFile } from './entry-source.ts';
import type { ObjectTable } from './object-table.ts';

/** An object of the upstream that a thin pack builds upon. */
export interface BorrowedObject {
  readonly oid: Oid;
  readonly type: ObjectType;
  readonly content: Buffer;
}

/**
 * The bases of a thin pack that the upstream gave. Each is hashed to the oid
 * that was asked for, and written as a pack entry, so that the held pack can be
 * completed with it.
 */
export class BorrowedBases {
  readonly #table: ObjectTable;
  readonly #format: ObjectFormat;
  readonly #maxBytes: number;
  readonly file: EntryFile;
  #bytes = 0;

  /** @param maxBytes of all borrowed contents together. */
  constructor(dir: string, table: ObjectTable, format: ObjectFormat, maxBytes: number) {
    this.#table = table;
    this.#format = format;
    this.#maxBytes = maxBytes;
    this.file = { fd: openSync(join(dir, 'borrowed'), 'wx+', 0o600), firstRow: table.count, end: 0 };
  }

  /** Gives the row of the new base. Throws PACK_INFLATED_TOO_LARGE, and UPSTREAM_PROTOCOL when it is another object. */
  add(object: BorrowedObject): number {
    const { content } = object;
    this.#bytes += content.length;
    if (this.#bytes > this.#maxBytes) {
      throw new RefgateError('PACK_INFLATED_TOO_LARGE', 'client', 'its delta bases at the upstream');
    }
    const head = Buffer.from(`${object.type} ${content.length}\0`, 'latin1');
    const digest = hash(this.#format, Buffer.concat([head, content]), 'hex');
    if (digest !== object.oid) {
      throw new RefgateError(
        'UPSTREAM_PROTOCOL',
        'upstream',
        `the object given as ${object.oid} is ${digest}`,
      );
    }
    return this.#write(object, objectTypeNames.indexOf(object.type));
  }

  #write(object: BorrowedObject, type: number): number {
    const table = this.#table;
    const entry = Buffer.concat([formatEntryHead(type, object.content.length), deflateSync(object.content)]);
    const row = table.add(this.file.end);
    table.types[row] = type;
    table.crcs[row] = crc32(entry);
    table.oids.set(Buffer.from(object.oid, 'hex'), row * table.width);
    writeFully(this.file.fd, entry, 0, entry.length);
    this.file.end += entry.length;
    return row;
  }

  close(): void {
    closeSync(this.file.fd);
  }
}

/** The type and size before the data of an entry, gitformat-pack(5). */
export function formatEntryHead(type: number, size: number): Buffer {
  const bytes: number[] = [];
  let byte = (type << 4) | (size & 0x0f);
  for (let left = Math.floor(size / 16); left > 0; left = Math.floor(left / 128)) {
    bytes.push(byte | 0x80);
    byte = left % 128;
  }
  return Buffer.from([...bytes, byte]);
}

/**
 * Writes the pack that the thin one stands for: the received entries, then the
 * borrowed rows of `kept`, whose offsets it sets in the table. Gives its trailer, and where that begins.
 */
export function completePack(
  out: string,
  received: EntryFile,
  borrowed: EntryFile,
  table: ObjectTable,
  kept: readonly number[],
  format: ObjectFormat,
): { readonly trailer: Buffer; readonly end: number } {
  const fd = openSync(out, 'wx', 0o600);
  const digest = createHash(format);
  let at = 0;
  const append = (bytes: Buffer) => {
    digest.update(bytes);
    writeFully(fd, bytes, 0, bytes.length);
    at += bytes.length;
  };
  try {
    const header = Buffer.alloc(packHeaderBytes);
    readFully(received.fd, header, 0, packHeaderBytes, 0);
    header.writeUInt32BE(borrowed.firstRow + kept.length, 8);
    append(header);
    copyRange(received.fd, packHeaderBytes, received.end, append);
    const ends = new Map(
      kept.map((row) => [row, row + 1 < table.count ? (table.offsets[row + 1] as number) : borrowed.end]),
    );
    for (const row of kept) {
      const from = table.offsets[row] as number;
      const offset = at;
      copyRange(borrowed.fd, from, ends.get(row) as number, append);
      table.offsets[row] = offset;
    }
    const trailer = digest.digest();
    writeSync(fd, trailer);
    return { trailer, end: at };
  } finally {
    closeSync(fd);
  }
}

function copyRange(fd: number, from: number, to: number, append: (bytes: Buffer) => void): void {
  const buffer = Buffer.allocUnsafe(256 * 1024);
  for (let at = from; at < to; ) {
    const count = Math.min(buffer.length, to - at);
    readFully(fd, buffer, 0, count, at);
    append(buffer.subarray(0, count));
    at += count;
  }
}
