import { RefgateError } from '../domain/error.ts';
import type { Oid } from '../domain/git.ts';
import type { FetchRequest, FetchResponse, SourceCapabilities } from '../domain/ports.ts';
import { uploadPackCapabilities, writeAdvertisement } from '../git/advertise.ts';
import { flushPkt, PktReader } from '../git/pkt-line.ts';
import { demux, encodeBand } from '../git/sideband.ts';
import {
  AckWriter,
  asksToDeepen,
  checkRoundEnd,
  formatShallowInfo,
  type HavesRound,
  readHaves,
  readUploadRequest,
  type UploadRequest,
} from '../git/upload-request.ts';
import { counted, type FetchWork } from './fetch-work.ts';
import { recordFetch, recordLsRefs } from './record-fetch.ts';
import { agentName } from './version.ts';

/**
 * A client that speaks protocol v0 or v1, gitprotocol-pack(5), translated to
 * fetch commands of v2: each round of haves becomes one command with every want
 * and every common oid so far.
 */
export async function serveV0(work: FetchWork, version: 0 | 1): Promise<void> {
  const { session, source, reader, limits } = work;
  const { mode } = session.channel;
  const capabilities = await source.capabilities();
  if (mode !== 'rpc') await advertise(work, version, capabilities);
  if (mode === 'advertise') return;
  const request = await readUploadRequest(reader, capabilities, limits);
  if (request === null) return;
  const pack = await new Negotiation(work, request, capabilities).run();
  if (pack !== undefined) await sendPack(work, request, pack);
}

async function advertise(work: FetchWork, version: 0 | 1, capabilities: SourceCapabilities): Promise<void> {
  const { session, source } = work;
  const stateless = session.channel.mode !== 'stateful';
  await recordLsRefs(work, []);
  const refs = counted(work, source.lsRefs({ prefixes: [], symrefs: true, peel: true, unborn: false }));
  await session.out.writeAll(
    writeAdvertisement({
      service: 'upload-pack',
      version,
      objectFormat: capabilities.objectFormat,
      capabilities: uploadPackCapabilities(capabilities, { agent: agentName, stateless }),
      refs,
      boundary: () => source.boundary?.() ?? Promise.resolve([]),
    }),
  );
}

/** Rounds of haves until the pack may be sent. */
class Negotiation {
  readonly #work: FetchWork;
  readonly #request: UploadRequest;
  readonly #capabilities: SourceCapabilities;
  readonly #stateless: boolean;
  readonly #acks: AckWriter;
  readonly #common = new Set<Oid>();
  /** An answer whose pack is on its way already; it is read only when the client says `done`. */
  #waiting: FetchResponse | undefined;

  constructor(work: FetchWork, request: UploadRequest, capabilities: SourceCapabilities) {
    this.#work = work;
    this.#request = request;
    this.#capabilities = capabilities;
    this.#stateless = work.session.channel.mode === 'rpc';
    this.#acks = new AckWriter({ mode: request.ackMode, noDone: request.noDone, stateless: this.#stateless });
  }

  /** The answer with the pack to send; undefined when a stateless request ends before that. */
  async run(): Promise<FetchResponse | undefined> {
    const { reader, limits, session } = this.#work;
    try {
      await this.#work.checkAgain();
      await recordFetch(this.#work, this.#command([], true));
      if (asksToDeepen(this.#request)) await this.#sendShallowInfo();
      for (;;) {
        const round = await readHaves(reader, this.#capabilities.objectFormat, limits);
        checkRoundEnd(round, this.#stateless);
        if (round.end === 'eof') return this.#giveUp();
        const { common, ready } = await this.#ask(round);
        const { bytes, next } = this.#acks.round(round.end, common, ready);
        // A refusal of the pack must come in place of these lines: behind them the client waits for sidebands.
        if (next === 'pack') this.#waiting ??= await this.#fetch(this.#command([], true));
        await session.out.write(bytes);
        if (next === 'end') return this.#giveUp();
        if (next === 'pack') return this.#waiting;
      }
    } catch (error) {
      this.#giveUp();
      throw error;
    }
  }

  /**
   * v0 clients are told what becomes shallow before they say what they have;
   * v2 says it with the pack. A clone without haves gets that very pack.
   */
  async #sendShallowInfo(): Promise<void> {
    const response = await this.#fetch(this.#command([], true));
    await this.#work.session.out.write(
      formatShallowInfo(response.shallowInfo ?? { shallow: [], unshallow: [] }),
    );
    this.#waiting = response;
  }

  /** Which of the round's haves the source has, and whether that is enough. */
  async #ask(round: HavesRound): Promise<{ common: readonly Oid[]; ready: boolean }> {
    if (round.haves.length === 0) return { common: [], ready: false };
    const known = this.#waiting?.ready === true;
    if (known) return { common: [], ready: true };
    this.#giveUp();
    const haves = [...this.#common, ...round.haves];
    const response = await this.#fetch(this.#command(haves, false));
    const acked = new Set(response.acks);
    const common = round.haves.filter((oid) => acked.has(oid));
    for (const oid of common) this.#common.add(oid);
    if (response.pack !== undefined) this.#waiting = response;
    return { common, ready: response.ready };
  }

  #fetch(command: FetchRequest): Promise<FetchResponse> {
    return this.#work.source.fetch(command);
  }

  #giveUp(): undefined {
    if (this.#waiting === undefined) return undefined;
    this.#waiting.cancel();
    this.#waiting = undefined;
    this.#work.renewSource();
    return undefined;
  }

  #command(haves: readonly Oid[], done: boolean): FetchRequest {
    const { wants, shallow, deepen, deepenSince, deepenNot, deepenRelative, filter } = this.#request;
    const { thinPack, noProgress, includeTag, ofsDelta } = this.#request;
    return {
      wants,
      haves: done ? [...this.#common] : haves,
      done,
      shallow,
      deepenNot,
      deepenRelative,
      thinPack,
      noProgress,
      includeTag,
      ofsDelta,
      waitForDone: false,
      ...(deepen === undefined ? {} : { deepen }),
      ...(deepenSince === undefined ? {} : { deepenSince }),
      ...(filter === undefined ? {} : { filter }),
    };
  }
}

async function sendPack(work: FetchWork, request: UploadRequest, response: FetchResponse): Promise<void> {
  const { out } = work.session;
  if (response.pack === undefined)
    throw new RefgateError('UPSTREAM_PROTOCOL', 'upstream', 'no pack after done');
  work.served.pack = true;
  work.inSideband = true;
  try {
    if (request.sideband === 'side-band-64k') await out.writeAll(response.pack);
    else await sendDemuxed(work, request.sideband, response.pack);
    if (request.sideband !== 'none') await out.write(flushPkt);
  } catch (error) {
    response.cancel();
    throw error;
  }
  work.inSideband = false;
}

/** For clients of before side-band-64k: smaller lines, or the bare pack. */
async function sendDemuxed(
  work: FetchWork,
  kind: 'side-band' | 'none',
  pack: AsyncIterable<Buffer>,
): Promise<void> {
  for await (const { band, data } of demux(new PktReader(pack, 'upstream'), 'eof')) {
    if (kind === 'side-band') await work.session.out.writeAll(encodeBand(band, data, kind));
    else if (band === 1) await work.session.out.write(data);
    else if (band === 3)
      throw new RefgateError('UPSTREAM_REFUSED', 'upstream', data.toString('utf8').slice(0, 500));
  }
}
