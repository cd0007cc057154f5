import { createHash } from 'node:crypto';
import { closeSync, openSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { ObjectFormat, ObjectType, Oid } from '../../domain/git.ts';
import { readFully, writeFully } from '../../inspect/delta-content.ts';
import type { GitObject } from '../objects/git-objects.ts';

interface Made {
  readonly type: ObjectType;
  readonly offset: number;
  readonly size: number;
}

/** What is kept in memory beside the file. */
const keptBytes = 16 * 1024 * 1024;

/**
 * Objects of the original side that a push makes: written one behind another to
 * a file, so that memory is bounded, and read back while the push is restored.
 */
export class MadeObjects {
  readonly #format: ObjectFormat;
  readonly #file: string;
  readonly #made = new Map<Oid, Made>();
  readonly #kept = new Map<Oid, Buffer>();
  #keptNow = 0;
  #fd: number | undefined;
  #end = 0;

  /** @param folder for the file; it is made with the first object. */
  constructor(format: ObjectFormat, folder: string) {
    this.#format = format;
    this.#file = join(folder, 'restored-objects');
  }

  add(type: ObjectType, content: Buffer): Oid {
    const oid = oidOf(type, content, this.#format);
    if (this.#made.has(oid)) return oid;
    this.#fd ??= openSync(this.#file, 'wx+', 0o600);
    writeFully(this.#fd, content, 0, content.length);
    this.#made.set(oid, { type, offset: this.#end, size: content.length });
    this.#end += content.length;
    this.#keep(oid, content);
    return oid;
  }

  has(oid: Oid): boolean {
    return this.#made.has(oid);
  }

  read(oid: Oid): GitObject | undefined {
    const made = this.#made.get(oid);
    if (made === undefined || this.#fd === undefined) return undefined;
    const kept = this.#kept.get(oid);
    if (kept !== undefined) return { oid, type: made.type, content: kept };
    const content = Buffer.allocUnsafe(made.size);
    readFully(this.#fd, content, 0, made.size, made.offset);
    return { oid, type: made.type, content };
  }

  oids(): Iterable<Oid> {
    return this.#made.keys();
  }

  get count(): number {
    return this.#made.size;
  }

  /** Removes the file. May be called twice. */
  close(): void {
    if (this.#fd === undefined) return;
    closeSync(this.#fd);
    this.#fd = undefined;
    rmSync(this.#file, { force: true });
  }

  #keep(oid: Oid, content: Buffer): void {
    if (content.length > keptBytes / 4) return;
    this.#kept.set(oid, content);
    this.#keptNow += content.length;
    for (const [oldest, bytes] of this.#kept) {
      if (this.#keptNow <= keptBytes) return;
      this.#kept.delete(oldest);
      this.#keptNow -= bytes.length;
    }
  }
}

export function oidOf(type: ObjectType, content: Buffer, format: ObjectFormat): Oid {
  return createHash(format).update(`${type} ${content.length}\0`).update(content).digest('hex');
}
