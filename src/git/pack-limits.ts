/** What one pack may cost. Every limit ends in a coded refusal with blame `client`. */
export interface PackLimits {
  /** Bytes of the pack as received: PACK_TOO_LARGE. */
  readonly maxBytes: number;
  /** Objects that the header may announce: PACK_TOO_MANY_OBJECTS. */
  readonly maxObjects: number;
  /** Bytes of one object, inflated and with its delta applied: PACK_OBJECT_TOO_LARGE. */
  readonly maxObjectBytes: number;
  /** Bytes of all inflating and delta work of the pack together: PACK_INFLATED_TOO_LARGE. */
  readonly maxInflatedBytes: number;
  /** Deltas between an object and the base that is stored whole: PACK_DELTA_DEPTH. */
  readonly maxDeltaDepth: number;
}

/**
 * 4 GiB in 1,000,000 objects, for which 300 MB of memory are enough (GitHub takes 2 GiB); objects up to 512 MiB, git's
 * `core.bigFileThreshold`, above which git itself makes no deltas; 64 GiB of
 * inflating, about a minute of one core; and git's own greatest chain, 4095.
 */
export const defaultPackLimits: PackLimits = {
  maxBytes: 4 * 1024 ** 3,
  maxObjects: 1_000_000,
  maxObjectBytes: 512 * 1024 ** 2,
  maxInflatedBytes: 64 * 1024 ** 3,
  maxDeltaDepth: 4095,
};
