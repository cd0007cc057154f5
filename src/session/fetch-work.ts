import type { AdvertisedRef } from '../domain/git.ts';
import type { FetchSource, Upstreams } from '../domain/ports.ts';
import type { PktReader } from '../git/pkt-line.ts';
import type { Session } from './open.ts';

/** What a dialect of upload-pack works with. */
export interface FetchWork {
  readonly session: Session;
  /** Reads of one session, one after another; a new one after an answer was cancelled. */
  source: FetchSource;
  renewSource(options?: Parameters<Upstreams['fetchSource']>[1]): void;
  /** Whether the client may still read; asked before each command. Throws AUTHENTICATION_FAILED, ACCESS_DENIED, REPO_NOT_FOUND. */
  checkAgain(): Promise<void>;
  readonly reader: PktReader;
  /** `upstream:path`, for the record. */
  readonly target: string;
  /** Most lines and bytes of one request. */
  readonly limits: { readonly lines: number; readonly bytes: number };
  readonly served: { refs: number; pack: boolean };
  /** Set once the client waits inside sidebands, where an ERR line would be noise. */
  inSideband: boolean;
}

/** The same batches, counted for the record. */
export async function* counted(
  work: FetchWork,
  batches: AsyncIterable<readonly AdvertisedRef[]>,
): AsyncGenerator<readonly AdvertisedRef[]> {
  for await (const batch of batches) {
    work.served.refs += batch.length;
    yield batch;
  }
}
