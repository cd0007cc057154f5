/** Fetch requests in protocol v0 and v1: gitprotocol-pack(5), "Packfile Negotiation". */
import { RefgateError } from '../domain/error.ts';
import type { ObjectFormat, Oid } from '../domain/git.ts';
import type { FetchRequest, ShallowInfo, SourceCapabilities } from '../domain/ports.ts';
import { Capabilities } from './capabilities.ts';
import { checkFilter } from './filter-spec.ts';
import { parseObjectFormat } from './oid.ts';
import { encodePkt, flushPkt, type PktReader } from './pkt-line.ts';
import { protocolError, quoted } from './protocol-error.ts';
import {
  depthArgument,
  excludedRefArgument,
  oidArgument,
  type RequestLimits,
  RequestLines,
  timeArgument,
} from './request-lines.ts';
import type { SidebandKind } from './sideband.ts';

export type AckMode = 'none' | 'multi_ack' | 'multi_ack_detailed';

/** What a v0 or v1 client wants, before it says what it has. */
export interface UploadRequest extends Omit<FetchRequest, 'haves' | 'done' | 'waitForDone'> {
  readonly ackMode: AckMode;
  readonly noDone: boolean;
  readonly sideband: SidebandKind | 'none';
  readonly agent?: string;
}

/** Whether shallow lines and a flush-pkt must be sent before the client goes on. */
export function asksToDeepen(request: UploadRequest): boolean {
  return request.deepen !== undefined || request.deepenSince !== undefined || request.deepenNot.length > 0;
}

/**
 * Reads wants up to their flush-pkt; null when the client wants nothing. What
 * the source cannot do is refused. Throws PROTOCOL_ERROR, LIMIT_EXCEEDED, PKT_UNEXPECTED, HUNG_UP.
 */
export async function readUploadRequest(
  reader: PktReader,
  source: SourceCapabilities,
  limits: RequestLimits,
): Promise<UploadRequest | null> {
  const lines = new RequestLines(reader, limits);
  const builder = new UploadRequestBuilder(source);
  for (let first = true; ; first = false) {
    const step = await lines.next();
    if ('line' in step) {
      if (!builder.take(step.line, first)) throw lines.unexpected(step);
    } else if (first && (step.end === 'flush' || step.end === 'eof')) {
      return null;
    } else if (step.end === 'flush') {
      return builder.build();
    } else {
      throw lines.unexpected(step);
    }
  }
}

class UploadRequestBuilder {
  readonly #source: SourceCapabilities;
  readonly #wants = new Set<Oid>();
  readonly #shallow = new Set<Oid>();
  readonly #deepenNot: string[] = [];
  #deepen: number | undefined;
  #deepenSince: number | undefined;
  #filter: string | undefined;
  #capabilities = Capabilities.parse('', 'client');

  constructor(source: SourceCapabilities) {
    this.#source = source;
  }

  /** Takes one line; false when it is not one that may come here. */
  take(line: string, first: boolean): boolean {
    const space = line.indexOf(' ');
    const word = line.slice(0, Math.max(space, 0));
    const value = line.slice(space + 1);
    if (first) return word === 'want' && this.#takeFirst(value);
    if (word === 'want') this.#wants.add(oidArgument(value, this.#source.objectFormat));
    else if (word === 'filter') return this.#takeFilter(value);
    else return this.#source.shallow && this.#takeDepth(word, value);
    return true;
  }

  #takeFirst(value: string): boolean {
    const space = value.indexOf(' ');
    this.#wants.add(oidArgument(space < 0 ? value : value.slice(0, space), this.#source.objectFormat));
    this.#capabilities = Capabilities.parse(space < 0 ? '' : value.slice(space), 'client');
    // git 2.39 does not say it in v0, whatever the repository is; the length of the oids has been checked.
    const said = this.#capabilities.get('object-format');
    if (said !== undefined && parseObjectFormat(said) !== this.#source.objectFormat) {
      throw protocolError('client', `the object format of this repository is ${this.#source.objectFormat}`);
    }
    return true;
  }

  #takeFilter(value: string): boolean {
    if (!this.#source.filter || this.#filter !== undefined) return false;
    checkFilter(value, 'client');
    this.#filter = value;
    return true;
  }

  #takeDepth(word: string, value: string): boolean {
    if (word === 'shallow') this.#shallow.add(oidArgument(value, this.#source.objectFormat));
    else if (word === 'deepen') this.#deepen = depthArgument(value);
    else if (word === 'deepen-since') this.#deepenSince = timeArgument(value);
    else if (word === 'deepen-not') this.#deepenNot.push(excludedRefArgument(value));
    else return false;
    return true;
  }

  build(): UploadRequest {
    const can = this.#capabilities;
    if (this.#deepen !== undefined && (this.#deepenSince !== undefined || this.#deepenNot.length > 0)) {
      throw protocolError('client', 'deepen cannot be used with deepen-since or deepen-not');
    }
    const agent = can.get('agent');
    return {
      wants: [...this.#wants],
      shallow: [...this.#shallow],
      ...(this.#deepen === undefined ? {} : { deepen: this.#deepen }),
      ...(this.#deepenSince === undefined ? {} : { deepenSince: this.#deepenSince }),
      deepenNot: this.#deepenNot,
      deepenRelative: can.has('deepen-relative'),
      ...(this.#filter === undefined ? {} : { filter: this.#filter }),
      ackMode: can.has('multi_ack_detailed')
        ? 'multi_ack_detailed'
        : can.has('multi_ack')
          ? 'multi_ack'
          : 'none',
      noDone: can.has('no-done'),
      sideband: can.has('side-band-64k') ? 'side-band-64k' : can.has('side-band') ? 'side-band' : 'none',
      thinPack: can.has('thin-pack'),
      ofsDelta: can.has('ofs-delta'),
      noProgress: can.has('no-progress'),
      includeTag: can.has('include-tag'),
      ...(agent === undefined ? {} : { agent }),
    };
  }
}

export interface HavesRound {
  readonly haves: readonly Oid[];
  readonly end: 'flush' | 'done' | 'eof';
}

/**
 * Reads one round of negotiation. `eof` comes only between rounds: stateless
 * clients end a request so. Throws PROTOCOL_ERROR, LIMIT_EXCEEDED, PKT_UNEXPECTED, and HUNG_UP inside a round.
 */
export async function readHaves(
  reader: PktReader,
  format: ObjectFormat,
  limits: RequestLimits,
): Promise<HavesRound> {
  const lines = new RequestLines(reader, limits);
  const haves: Oid[] = [];
  for (;;) {
    const step = await lines.next();
    if ('end' in step) {
      if (step.end === 'flush' || (step.end === 'eof' && haves.length === 0)) return { haves, end: step.end };
      throw lines.unexpected(step);
    }
    if (step.line === 'done') return { haves, end: 'done' };
    if (!step.line.startsWith('have '))
      throw protocolError('client', `expected a have line, got ${quoted(step.line)}`);
    haves.push(oidArgument(step.line.slice(5), format));
  }
}

/** The shallow and unshallow lines of a v0 answer and their flush-pkt; sent exactly when `asksToDeepen`. */
export function formatShallowInfo(info: ShallowInfo): Buffer {
  return Buffer.concat([
    ...info.shallow.map((oid) => encodePkt(`shallow ${oid}`)),
    ...info.unshallow.map((oid) => encodePkt(`unshallow ${oid}`)),
    flushPkt,
  ]);
}

/** What follows a round: the pack, another round, or the end of this request. */
export type AfterRound = 'pack' | 'round' | 'end';

/** Answers rounds of negotiation as git's upload-pack.c, get_common_commits, does. */
export class AckWriter {
  readonly #mode: AckMode;
  readonly #noDone: boolean;
  readonly #stateless: boolean;
  #last: Oid | undefined;

  constructor(options: { readonly mode: AckMode; readonly noDone: boolean; readonly stateless: boolean }) {
    this.#mode = options.mode;
    this.#noDone = options.noDone;
    this.#stateless = options.stateless;
  }

  /**
   * @param common those of the round's haves that the source has too, in the order in which they came
   * @param ready whether the source has enough to make a good pack
   */
  round(end: HavesRound['end'], common: readonly Oid[], ready: boolean): { bytes: Buffer; next: AfterRound } {
    const lines: string[] = [];
    for (const oid of common) {
      if (this.#mode === 'multi_ack_detailed') lines.push(`ACK ${oid} common`);
      else if (this.#mode === 'multi_ack') lines.push(`ACK ${oid} continue`);
      else if (this.#last === undefined) lines.push(`ACK ${oid}`);
      this.#last = oid;
    }
    const next = end === 'done' ? this.#done(lines) : end === 'flush' ? this.#flush(lines, ready) : 'end';
    return { bytes: Buffer.concat(lines.map((line) => encodePkt(`${line}\n`))), next };
  }

  #done(lines: string[]): AfterRound {
    if (this.#last === undefined) lines.push('NAK');
    else if (this.#mode !== 'none') lines.push(`ACK ${this.#last}`);
    return 'pack';
  }

  #flush(lines: string[], ready: boolean): AfterRound {
    const saysReady = ready && this.#mode === 'multi_ack_detailed' && this.#last !== undefined;
    if (saysReady) lines.push(`ACK ${this.#last} ready`);
    if (this.#last === undefined || this.#mode !== 'none') lines.push('NAK');
    if (saysReady && this.#noDone) {
      lines.push(`ACK ${this.#last}`);
      return 'pack';
    }
    return this.#stateless ? 'end' : 'round';
  }
}

/** HUNG_UP unless the request could end here: only stateless clients may leave between rounds. */
export function checkRoundEnd(round: HavesRound, stateless: boolean): void {
  if (round.end === 'eof' && !stateless) throw new RefgateError('HUNG_UP', 'client', 'during negotiation');
}
