import type { Duplex } from 'node:stream';
import { RefgateError } from '../domain/error.ts';
import type { AdvertisedRef, ObjectFormat } from '../domain/git.ts';
import type {
  FetchRequest,
  FetchResponse,
  FetchSource,
  LsRefsRequest,
  SourceCapabilities,
  Target,
} from '../domain/ports.ts';
import { PktReader } from '../git/pkt-line.ts';
import { passThrough } from '../git/sideband.ts';
import {
  formatFetch,
  formatLsRefs,
  readFetchHead,
  readLsRefs,
  readV2Capabilities,
} from '../git/v2-source.ts';
import { withFaults } from './fault-mark.ts';
import { withIdleLimit } from './idle-reader.ts';
import { linkHeaders, linkPaths } from './link.ts';
import type { LinkClient } from './link-client.ts';

/** What we call ourselves to an upstream. */
const agentName = 'refgate';

interface Conversation {
  readonly stream: Duplex;
  readonly reader: PktReader;
  readonly capabilities: SourceCapabilities | undefined;
}

/**
 * The read port over the agent link. The upstream is dialled by the first call.
 * Throws what the agent says, UPSTREAM_LOST when the stream breaks off within an
 * answer, and UPSTREAM_PROTOCOL for what is not protocol v2.
 */
export class AgentFetchSource implements FetchSource {
  readonly #link: LinkClient;
  readonly #target: Target;
  readonly #advertised: boolean;
  readonly #format: ObjectFormat;
  #opened: Promise<Conversation> | undefined;
  #closed = false;

  constructor(
    link: LinkClient,
    target: Target,
    options: { stateless?: boolean; objectFormat?: ObjectFormat } = {},
  ) {
    this.#link = link;
    this.#target = target;
    this.#advertised = !options.stateless;
    this.#format = options.objectFormat ?? 'sha1';
  }

  async capabilities(): Promise<SourceCapabilities> {
    const { capabilities } = await this.#conversation();
    if (capabilities) return capabilities;
    throw new RefgateError('INTERNAL', 'refgate', 'a stateless source has no capabilities');
  }

  async *lsRefs(request: LsRefsRequest): AsyncGenerator<readonly AdvertisedRef[]> {
    const { stream, reader, capabilities } = await this.#conversation();
    const objectFormat = capabilities?.objectFormat ?? this.#format;
    stream.write(formatLsRefs(request, { agent: agentName, objectFormat }));
    try {
      yield* readLsRefs(reader, objectFormat);
    } catch (error) {
      throw brokenOff(error);
    }
  }

  async fetch(request: FetchRequest): Promise<FetchResponse> {
    const { stream, reader, capabilities } = await this.#conversation();
    const objectFormat = capabilities?.objectFormat ?? this.#format;
    stream.write(formatFetch(request, { agent: agentName, objectFormat }));
    try {
      const { hasPack, ...head } = await readFetchHead(reader, objectFormat);
      const pack = hasPack ? { pack: packOf(reader) } : {};
      return { ...head, ...pack, cancel: () => this.close() };
    } catch (error) {
      throw brokenOff(error);
    }
  }

  close(): void {
    this.#closed = true;
    // What failed has nothing to close, and was told to the caller.
    this.#opened?.then(({ stream }) => stream.destroy()).catch(() => {});
  }

  #conversation(): Promise<Conversation> {
    this.#opened ??= this.#open();
    return this.#opened;
  }

  async #open(): Promise<Conversation> {
    const { upstream, path } = this.#target;
    const operation = { op: 'upload-pack' as const, upstream, path, advertised: this.#advertised };
    const { head, stream } = await this.#link.upgrade(linkPaths.uploadPack, operation);
    if (this.#closed) {
      stream.destroy();
      throw new RefgateError('HUNG_UP', 'client');
    }
    const mark = String(head.headers[linkHeaders.faultMark]);
    const limited = withIdleLimit(stream, this.#link.timeouts.idle, () => stream.destroy());
    const reader = new PktReader(withFaults(limited, mark), 'upstream');
    try {
      const advertised = head.headers[linkHeaders.advertised] === 'yes';
      const capabilities = advertised ? await readV2Capabilities(reader) : undefined;
      return { stream, reader, capabilities };
    } catch (error) {
      stream.destroy();
      throw brokenOff(error);
    }
  }
}

async function* packOf(reader: PktReader): AsyncGenerator<Buffer> {
  try {
    yield* passThrough(reader);
  } catch (error) {
    throw brokenOff(error);
  }
}

/** A stream that ends too early is a connection that broke. */
function brokenOff(error: unknown): unknown {
  if (!(error instanceof RefgateError) || error.code !== 'PKT_TRUNCATED') return error;
  return new RefgateError('UPSTREAM_LOST', 'upstream', 'in the middle of its answer', { cause: error });
}
