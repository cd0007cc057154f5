import type { PackScan, ScannedBlob } from './walk-order.ts';

/** Paths of which is remembered that nothing is in them. */
const maxClean = 300_000;

/** Paths that are searched together, in bytes. */
const togetherBytes = 32 * 1024;

/** Searches path names, each once as long as it is remembered; many together, because most hold nothing. */
export class ScannedPaths {
  readonly #scan: PackScan;
  readonly #clean = new Set<string>();
  readonly #found = new Map<string, ScannedBlob>();

  constructor(scan: PackScan) {
    this.#scan = scan;
  }

  look(paths: readonly string[]): void {
    if (this.#clean.size > maxClean) this.#clean.clear();
    let group: string[] = [];
    let bytes = 0;
    for (const path of paths) {
      if (this.#clean.has(path) || this.#found.has(path)) continue;
      group.push(path);
      bytes += path.length;
      if (bytes < togetherBytes) continue;
      this.#lookAt(group);
      group = [];
      bytes = 0;
    }
    if (group.length > 0) this.#lookAt(group);
  }

  #lookAt(paths: readonly string[]): void {
    const together = paths.length > 1 ? this.#scan.scan(Buffer.from(paths.join('\n'))) : undefined;
    const isClean = together !== undefined && isEmpty(together);
    for (const path of paths) {
      const alone = isClean ? together : this.#scan.scan(Buffer.from(path));
      if (isEmpty(alone)) this.#clean.add(path);
      else this.#found.set(path, alone);
    }
  }

  /** What a path holds; undefined when it is nothing. */
  found(path: string): ScannedBlob | undefined {
    return this.#found.get(path);
  }
}

const isEmpty = ({ secrets, unscanned }: ScannedBlob): boolean =>
  secrets.length === 0 && unscanned.length === 0;
