/** How full it stays when it made room, as a share. */
const leftFull = 7 / 8;

/** Contents by key, bounded by their bytes together; what was used longest ago goes first. */
export class ContentLru<Key> {
  readonly #contents = new Map<Key, Buffer>();
  readonly #maxBytes: number;
  #bytes = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  get(key: Key): Buffer | undefined {
    const content = this.#contents.get(key);
    if (content === undefined) return undefined;
    this.#contents.delete(key);
    this.#contents.set(key, content);
    return content;
  }

  /** Does not keep a content that takes more than a quarter of the room. */
  set(key: Key, content: Buffer): void {
    if (content.length * 4 > this.#maxBytes || this.#contents.has(key)) return;
    this.#contents.set(key, content);
    this.#bytes += content.length;
    if (this.#bytes > this.#maxBytes) this.#makeRoom(this.#maxBytes * leftFull);
  }

  /** Many go at a time: a map finds its oldest entry slowly when those before it have been deleted. */
  #makeRoom(bytes: number): void {
    for (const [oldest, { length }] of this.#contents) {
      this.#contents.delete(oldest);
      this.#bytes -= length;
      if (this.#bytes <= bytes) return;
    }
  }
}
