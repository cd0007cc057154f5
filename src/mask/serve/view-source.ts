import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { RefgateError } from '../../domain/error.ts';
import type { AdvertisedRef, ObjectFormat, Oid } from '../../domain/git.ts';
import type {
  FetchRequest,
  FetchResponse,
  FetchSource,
  LsRefsRequest,
  SourceCapabilities,
} from '../../domain/ports.ts';
import { PktReader } from '../../git/pkt-line.ts';
import { passThrough } from '../../git/sideband.ts';
import {
  formatFetch,
  formatLsRefs,
  readFetchHead,
  readLsRefs,
  readV2Capabilities,
} from '../../git/v2-source.ts';
import { type GitChild, spawnGit } from '../objects/git-child.ts';
import { readBoundary } from './boundary.ts';
import type { Readers } from './readers.ts';
import { serviceEnvironment, stopService } from './service.ts';

export interface ViewSourceOptions {
  /** A bare repository whose every object may be read. */
  readonly gitDir: string;
  readonly format: ObjectFormat;
  /** Where it is counted as a reader of the folder until it is closed. */
  readonly readers?: Readers;
  /** Closes the source. */
  readonly signal?: AbortSignal;
  /** Called with git's last words when it fails for another reason than that it was ended. */
  readonly onFault?: (words: string) => void;
}

/**
 * A bare repository on this disk as a source, through the machine's `git upload-pack` in protocol v2: one child, from
 * the first question to `close`. Throws VIEW_REFUSED (client) with git's words for what it does not serve, such as an
 * oid that is not there, HUNG_UP once it is closed, and INTERNAL where git fails.
 */
export function createViewSource(options: ViewSourceOptions): FetchSource {
  return new ViewSource(options);
}

interface Conversation {
  readonly child: GitChild;
  readonly reader: PktReader;
}

class ViewSource implements FetchSource {
  readonly #options: ViewSourceOptions;
  readonly #leave: () => void;
  readonly #onAbort = (): void => this.close();
  #isClosed = false;
  #opened: Conversation | undefined;
  #known: Promise<SourceCapabilities> | undefined;

  constructor(options: ViewSourceOptions) {
    this.#options = options;
    this.#leave = options.readers?.enter(options.gitDir) ?? (() => {});
    if (options.signal?.aborted === true) this.close();
    else options.signal?.addEventListener('abort', this.#onAbort, { once: true });
  }

  capabilities(): Promise<SourceCapabilities> {
    this.#known ??= this.#readCapabilities();
    return this.#known;
  }

  async *lsRefs(request: LsRefsRequest): AsyncGenerator<readonly AdvertisedRef[]> {
    const { objectFormat } = await this.capabilities();
    const { child, reader } = this.#conversation();
    child.process.stdin.write(formatLsRefs(request, { agent: 'refgate', objectFormat }));
    try {
      yield* readLsRefs(reader, objectFormat);
    } catch (error) {
      throw await this.#faultOf(error);
    }
  }

  async fetch(request: FetchRequest): Promise<FetchResponse> {
    const { objectFormat } = await this.capabilities();
    const { child, reader } = this.#conversation();
    child.process.stdin.write(formatFetch(request, { agent: 'refgate', objectFormat }));
    const cancel = (): void => this.close();
    try {
      const { hasPack, ...head } = await readFetchHead(reader, objectFormat);
      return hasPack ? { ...head, cancel, pack: this.#packOf(reader) } : { ...head, cancel };
    } catch (error) {
      throw await this.#faultOf(error);
    }
  }

  boundary(): Promise<readonly Oid[]> {
    return readBoundary(this.#options.gitDir);
  }

  close(): void {
    this.#options.signal?.removeEventListener('abort', this.#onAbort);
    this.#isClosed = true;
    const child = this.#opened?.child;
    if (child === undefined) this.#leave();
    else void stopService(child).then(this.#leave);
  }

  async *#packOf(reader: PktReader): AsyncGenerator<Buffer> {
    try {
      yield* passThrough(reader);
    } catch (error) {
      throw await this.#faultOf(error);
    }
  }

  async #readCapabilities(): Promise<SourceCapabilities> {
    const { reader } = this.#conversation();
    try {
      const capabilities = await readV2Capabilities(reader);
      if (capabilities.objectFormat === this.#options.format) return capabilities;
    } catch (error) {
      throw await this.#faultOf(error);
    }
    throw new RefgateError('INTERNAL', 'refgate', 'the object format of a view is not that of its originals');
  }

  #conversation(): Conversation {
    if (this.#isClosed) throw new RefgateError('HUNG_UP', 'client');
    this.#opened ??= this.#open();
    return this.#opened;
  }

  #open(): Conversation {
    const { gitDir, onFault } = this.#options;
    if (!existsSync(join(gitDir, 'HEAD'))) {
      onFault?.(notThere);
      throw new RefgateError('INTERNAL', 'refgate', notThere);
    }
    checkSelfContained(gitDir);
    const child = spawnGit(gitDir, ['upload-pack', '--strict', gitDir], { env: serviceEnvironment });
    if (onFault !== undefined) child.ended.catch((error: unknown) => onFault(wordsOf(error)));
    return { child, reader: new PktReader(child.process.stdout, 'upstream') };
  }

  /** Whose fault it is that an answer broke off: the caller's, who closed it or asked for what is not there, or ours. */
  async #faultOf(error: unknown): Promise<unknown> {
    if (this.#isClosed) return new RefgateError('HUNG_UP', 'client', undefined, { cause: error });
    const isErr = error instanceof RefgateError && error.code === 'UPSTREAM_REFUSED';
    const words = isErr ? error.detail : await this.#lastWords();
    const refusal = (isErr ? errWords : lastWords).exec(words ?? '')?.[1];
    if (refusal !== undefined && !refusal.startsWith('aborting due to'))
      return new RefgateError('VIEW_REFUSED', 'client', refusal, { cause: error });
    return new RefgateError('INTERNAL', 'refgate', `git upload-pack on a view: ${words ?? ''}`, {
      cause: error,
    });
  }

  /** What the child said of its end, which comes with it. */
  async #lastWords(): Promise<string | undefined> {
    const child = this.#opened?.child;
    if (child === undefined) return undefined;
    void stopService(child);
    return child.ended.then(
      () => undefined,
      (error: unknown) => wordsOf(error),
    );
  }
}

const notThere = 'a view is not there';

/** What upload-pack refuses, in an ERR pkt and as its last words on stderr; all else that it may say is no refusal. */
const errWords = /(?:^|: fatal: )(?:git )?upload-pack: (?!fatal: )(.*)/;
const lastWords = /: fatal: (?:git )?upload-pack: (.*)/;

const wordsOf = (error: unknown): string =>
  (error instanceof RefgateError ? error.detail : undefined) ?? String(error);

/** What a repository borrows from another one could be wanted by oid: it is not served at all. */
export function checkSelfContained(gitDir: string): void {
  for (const name of ['objects/info/alternates', 'objects/info/http-alternates', 'commondir']) {
    if (existsSync(join(gitDir, name)))
      throw new RefgateError('INTERNAL', 'refgate', `a view is not served that has ${name}`);
  }
}
