import type { Oid } from '../../domain/git.ts';

const mostBytes = 32 * 1024 * 1024;

/** The contents that were put here last, up to 32 MiB. */
export class RecentContents {
  readonly #contents = new Map<Oid, Buffer>();
  #bytes = 0;

  get(oid: Oid): Buffer | undefined {
    const content = this.#contents.get(oid);
    if (content === undefined) return undefined;
    this.#contents.delete(oid);
    this.#contents.set(oid, content);
    return content;
  }

  put(oid: Oid, content: Buffer): void {
    if (this.#contents.has(oid)) return;
    this.#contents.set(oid, content);
    this.#bytes += content.length;
    for (const [oldest, old] of this.#contents) {
      if (this.#bytes <= mostBytes) break;
      this.#contents.delete(oldest);
      this.#bytes -= old.length;
    }
  }
}
