import { RefgateError } from '../../domain/error.ts';
import type { AdvertisedRef, Oid } from '../../domain/git.ts';
import type {
  FetchRequest,
  FetchResponse,
  FetchSource,
  LsRefsRequest,
  SourceCapabilities,
} from '../../domain/ports.ts';
import type { ServedView } from './target-row.ts';

/** The view behind a `MaskedSource`. Both throw VIEW_NOT_READY, what the upstream throws, and the signal's reason. */
export interface ServedRepo {
  readable(signal: AbortSignal): Promise<ServedView>;
  upToDate(signal: AbortSignal): Promise<ServedView>;
}

/**
 * The view of one repository for one session: refs as they are now, objects of the same epoch as the refs. An epoch
 * is read to the end once it was begun, also when another one takes its place meanwhile.
 */
export class MaskedSource implements FetchSource {
  readonly #repo: ServedRepo;
  readonly #open: (served: ServedView, signal: AbortSignal) => Promise<FetchSource>;
  readonly #follows: boolean;
  readonly #closing = new AbortController();
  #inner: { readonly served: ServedView; readonly source: Promise<FetchSource> } | undefined;
  #hasTold = false;

  /**
   * @param open gives the source of an epoch, which counts as its reader at once.
   * @param options.follows a source that has not told its refs yet tells those that are there when it is asked.
   */
  constructor(
    repo: ServedRepo,
    open: (served: ServedView, signal: AbortSignal) => Promise<FetchSource>,
    { follows = false }: { readonly follows?: boolean } = {},
  ) {
    this.#repo = repo;
    this.#open = open;
    this.#follows = follows;
  }

  async capabilities(): Promise<SourceCapabilities> {
    return (await this.#any()).capabilities();
  }

  async *lsRefs(request: LsRefsRequest): AsyncGenerator<readonly AdvertisedRef[]> {
    const served = await this.#repo.upToDate(this.#closing.signal);
    const source = await this.#of(served);
    this.#hasTold = true;
    yield* source.lsRefs(request);
  }

  async fetch(request: FetchRequest): Promise<FetchResponse> {
    return (await this.#any()).fetch(request);
  }

  async boundary(): Promise<readonly Oid[]> {
    return (await (await this.#any()).boundary?.()) ?? [];
  }

  async #any(): Promise<FetchSource> {
    return this.#inner?.source ?? this.#of(await this.#repo.readable(this.#closing.signal));
  }

  #of(served: ServedView): Promise<FetchSource> {
    const { signal } = this.#closing;
    const known = this.#inner?.served;
    const isCurrent = known?.syncedAt === served.syncedAt || (this.#follows && !this.#hasTold);
    if (this.#inner !== undefined && known?.epoch === served.epoch && isCurrent) return this.#inner.source;
    void this.#closeInner();
    const source = this.#open(served, signal);
    this.#inner = { served, source };
    return source;
  }

  async #closeInner(): Promise<void> {
    const source = await this.#inner?.source.catch(() => undefined);
    source?.close();
  }

  close(): void {
    this.#closing.abort(new RefgateError('HUNG_UP', 'client'));
    void this.#closeInner();
  }
}
