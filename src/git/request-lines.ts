import { RefgateError } from '../domain/error.ts';
import type { ObjectFormat, Oid } from '../domain/git.ts';
import { isOid } from './oid.ts';
import { type PktReader, pktText } from './pkt-line.ts';
import { protocolError, quoted } from './protocol-error.ts';

/** How much one request may hold; more is LIMIT_EXCEEDED. */
export interface RequestLimits {
  readonly lines: number;
  /** With the framing. */
  readonly bytes: number;
}

export type RequestEnd = 'flush' | 'delim' | 'response-end' | 'eof';

/** A client's request line by line, counted against its limits. */
export class RequestLines {
  readonly #reader: PktReader;
  readonly #limits: RequestLimits;
  readonly #start: number;
  #lines = 0;

  constructor(reader: PktReader, limits: RequestLimits) {
    this.#reader = reader;
    this.#limits = limits;
    this.#start = reader.bytesRead;
  }

  /** The next line without its LF and without control characters, or what stands in its place. Throws PROTOCOL_ERROR, LIMIT_EXCEEDED. */
  async next(): Promise<{ readonly line: string } | { readonly end: RequestEnd }> {
    const payload = await this.nextPayload();
    if (!Buffer.isBuffer(payload)) return payload;
    const line = pktText(payload, this.#reader.peer);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
    if (/[\u0000-\u001f\u007f]/.test(line)) {
      throw protocolError(this.#reader.peer, `control characters in ${quoted(line)}`);
    }
    return { line };
  }

  /** The same, as the bytes that came. */
  async nextPayload(): Promise<Buffer | { readonly end: RequestEnd }> {
    const pkt = await this.#reader.read();
    if (pkt === null) return { end: 'eof' };
    if (pkt.type !== 'data') return { end: pkt.type };
    this.#lines += 1;
    if (this.#lines > this.#limits.lines) throw limit(`more than ${this.#limits.lines} lines in one request`);
    if (this.#reader.bytesRead - this.#start > this.#limits.bytes) {
      throw limit(`more than ${this.#limits.bytes} bytes in one request`);
    }
    return pkt.payload;
  }

  /** The error for a line or an end that must not come here. */
  unexpected(step: { readonly line: string } | { readonly end: RequestEnd }): RefgateError {
    if ('line' in step) return protocolError(this.#reader.peer, `unexpected line ${quoted(step.line)}`);
    if (step.end === 'eof') return new RefgateError('HUNG_UP', 'client', 'in the middle of a request');
    return new RefgateError('PKT_UNEXPECTED', this.#reader.peer, `a ${step.end}-pkt`);
  }
}

function limit(detail: string): RefgateError {
  return new RefgateError('LIMIT_EXCEEDED', 'client', detail);
}

/** The oid in a line of the form `word oid`. Throws PROTOCOL_ERROR. */
export function oidArgument(value: string, format: ObjectFormat): Oid {
  if (isOid(value, format)) return value;
  throw protocolError('client', `${quoted(value)} is not an oid in lower-case hex`);
}

/** A positive decimal that fits 31 bits (git's depth). Throws PROTOCOL_ERROR. */
export function depthArgument(value: string): number {
  const depth = /^[1-9]\d{0,9}$/.test(value) ? Number(value) : 0;
  if (depth >= 1 && depth <= 0x7fffffff) return depth;
  throw protocolError('client', `deepen ${quoted(value)}`);
}

/** Seconds since the epoch, above zero and below 2^53. Throws PROTOCOL_ERROR. */
export function timeArgument(value: string): number {
  const time = /^[1-9]\d{0,15}$/.test(value) ? Number(value) : 0;
  if (time >= 1 && Number.isSafeInteger(time)) return time;
  throw protocolError('client', `deepen-since ${quoted(value)}`);
}

/** What `deepen-not` names: a ref name or a short form of one. Throws PROTOCOL_ERROR. */
export function excludedRefArgument(value: string): string {
  if (value !== '' && value.length <= 1024 && !value.startsWith('-') && !/[\s~^:?*[\\]|\.\.|@\{/.test(value))
    return value;
  throw protocolError('client', `deepen-not ${quoted(value)}`);
}
