import type { Login } from '../vault/credentials.ts';
import type { HttpPlace } from './http-client.ts';

/** How old an advertisement may be that stands for a new one, in ms. */
const freshFor = 2_000;

/** A larger one is cheaper to ask for again than to keep. */
const maxBytes = 64 * 1024;

/** Repositories whose last advertisement is kept. */
const maxKept = 64;

export interface Advertised {
  readonly body: AsyncIterable<Buffer>;
  readonly at: HttpPlace;
}

interface Kept {
  readonly pieces: readonly Buffer[];
  readonly at: HttpPlace;
  readonly time: number;
}

/**
 * The last receive-pack advertisement of each repository, for a moment: over
 * smart HTTP the client's own request for it and the opening of its push are two
 * requests, some milliseconds apart. The upstream compares every old oid
 * itself, so that an old answer can refuse a push and never let one through.
 */
export class RecentAdvertisements {
  readonly #kept = new Map<string, Kept>();
  /** The advertisement of each repository that is being read and may still be kept. */
  readonly #passing = new Map<string, object>();
  readonly #now: () => number;

  /** @param now milliseconds, monotonic. */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  /** What was read of this repository with the same login a moment ago. */
  take(path: string, login: Login): Advertised | undefined {
    const kept = this.#kept.get(path);
    if (kept === undefined || this.#now() - kept.time > freshFor || !isSame(kept.at.login, login))
      return undefined;
    return { body: each(kept.pieces), at: kept.at };
  }

  /** Keeps what passes, once it has been read to its end. */
  watch(path: string, { body, at }: Advertised): Advertised {
    this.forget(path);
    const time = this.#now();
    const mark = {};
    this.#passing.set(path, mark);
    const end = (pieces: readonly Buffer[] | undefined): void => {
      if (this.#passing.get(path) !== mark) return;
      this.#passing.delete(path);
      if (pieces === undefined) return;
      this.#kept.set(path, { pieces, at, time });
      for (const oldest of this.#kept.keys()) {
        if (this.#kept.size <= maxKept) return;
        this.#kept.delete(oldest);
      }
    };
    return { body: watched(body, end), at };
  }

  /** A push changes what is advertised, also where it is still being read. */
  forget(path: string): void {
    this.#passing.delete(path);
    this.#kept.delete(path);
  }
}

function isSame(one: Login, other: Login): boolean {
  return one.user === other.user && one.password.reveal() === other.password.reveal();
}

async function* each(pieces: readonly Buffer[]): AsyncGenerator<Buffer> {
  yield* pieces;
}

/** @param end is told what passed, or undefined when that was too much or was not read to its end. */
async function* watched(
  body: AsyncIterable<Buffer>,
  end: (pieces: readonly Buffer[] | undefined) => void,
): AsyncGenerator<Buffer> {
  const pieces: Buffer[] = [];
  let bytes = 0;
  let isWhole = false;
  try {
    for await (const piece of body) {
      bytes += piece.length;
      if (bytes <= maxBytes) pieces.push(Buffer.from(piece));
      yield piece;
    }
    isWhole = bytes <= maxBytes;
  } finally {
    end(isWhole ? pieces : undefined);
  }
}
