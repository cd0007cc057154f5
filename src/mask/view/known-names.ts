import type { MaskName } from './mask-tree.ts';
import type { MaskedContent } from './view-function.ts';

/** More distinct names than most repositories have; some 10 MB. */
const mostNames = 65_536;
/** Longer names are looked at each time. */
const longestKept = 256;

/** Remembers names: the same ones are in tree after tree. */
export class KnownNames {
  readonly #mask: MaskName;
  readonly #known = new Map<string, MaskedContent | undefined>();

  constructor(mask: MaskName) {
    this.#mask = mask;
  }

  /** As the function that was given. */
  readonly mask: MaskName = (name, unsorted) => {
    if (unsorted || name.length > longestKept) return this.#mask(name, unsorted);
    const text = name.toString('latin1');
    const known = this.#known.get(text);
    if (known !== undefined || this.#known.has(text)) return known;
    // The name may be a part of a large buffer, which nobody should keep for it.
    const masked = this.#mask(Buffer.from(name), false);
    if (this.#known.size >= mostNames) this.#known.clear();
    this.#known.set(text, masked);
    return masked;
  };
}
