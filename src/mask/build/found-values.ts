import type { Confidence } from '../../domain/facts.ts';
import type { Oid } from '../../domain/git.ts';
import type { FoundSecrets } from '../view/view-function.ts';

/** One distinct value, while it is looked for. */
export interface FoundValue {
  readonly fingerprint: string;
  readonly rule: string;
  readonly family: string;
  readonly confidence: Confidence;
  readonly sample: string;
  readonly isAllowed: boolean;
  objects: number;
  path?: string;
  commit?: Oid;
}

/** Values beyond these are counted together. */
const mostCounted = 8_192;

/** Of what could not be searched: it changes commits as a value does. */
export const unscannedValue = 0;
/** Of the values that are not counted one by one. */
const otherValues = 1;

/** Every distinct value that was found, each with a number. */
export class FoundValues {
  readonly list: FoundValue[] = [];
  readonly #numbers = new Map<string, number>();

  /** How many numbers there are. */
  get size(): number {
    return Math.min(this.list.length, mostCounted) + 2;
  }

  /** The numbers of the values in one object, each once; it counts as an object of each. */
  take({ secrets, unscanned }: FoundSecrets): readonly number[] {
    const numbers = new Set<number>(unscanned.length > 0 ? [unscannedValue] : []);
    const seen = new Set<string>();
    for (const { fingerprint, rule, family, confidence, sample, allowed } of secrets) {
      let index = this.#numbers.get(fingerprint);
      if (index === undefined) {
        index = this.list.length;
        this.#numbers.set(fingerprint, index);
        const isAllowed = allowed === true;
        this.list.push({ fingerprint, rule, family, confidence, sample, isAllowed, objects: 0 });
      }
      if (!seen.has(fingerprint)) (this.list[index] as FoundValue).objects++;
      seen.add(fingerprint);
      numbers.add(index < mostCounted ? index + 2 : otherValues);
    }
    return [...numbers];
  }

  at(number: number): FoundValue | undefined {
    return number < 2 ? undefined : this.list[number - 2];
  }

  /** Of a value by its place in the list. */
  numberOf(index: number): number {
    return index < mostCounted ? index + 2 : otherValues;
  }

  /** Whether it changes what a reader sees. */
  isMasked(number: number): boolean {
    return !(this.at(number)?.isAllowed ?? false);
  }
}
