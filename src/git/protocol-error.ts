import type { Blame, ErrorCode } from '../domain/error.ts';
import { RefgateError } from '../domain/error.ts';
import { cleanBytes, cleanLine } from './text.ts';

/** Whose bytes are being read. */
export type Peer = Extract<Blame, 'client' | 'upstream'>;

/** What the peer said is not the Git protocol: PROTOCOL_ERROR for a client, UPSTREAM_PROTOCOL for an upstream. */
export function protocolError(peer: Peer, detail: string, cause?: unknown): RefgateError {
  const code: ErrorCode = peer === 'client' ? 'PROTOCOL_ERROR' : 'UPSTREAM_PROTOCOL';
  return new RefgateError(code, peer, cleanLine(detail, 300), cause === undefined ? undefined : { cause });
}

/** A piece of a peer's line, quoted and cut so that it can stand in an error. */
export function quoted(bytes: Buffer | string): string {
  return JSON.stringify(typeof bytes === 'string' ? cleanLine(bytes, 80) : cleanBytes(bytes, 80));
}

const missing = /not found|does not exist|not exported|does not appear to be a git repository|no such/i;

/**
 * The error behind an upstream's `ERR` pkt-line: REPO_NOT_FOUND, or
 * UPSTREAM_REFUSED with the upstream's words as one clean line; undefined when
 * the payload is not an `ERR` line.
 */
export function errPktError(payload: Buffer): RefgateError | undefined {
  if (payload[0] !== 0x45 || payload.toString('latin1', 0, 4) !== 'ERR ') return undefined;
  const words = cleanBytes(payload.subarray(4), 300);
  if (/repository/i.test(words) && missing.test(words)) {
    return new RefgateError('REPO_NOT_FOUND', 'upstream', undefined, { cause: new Error(words) });
  }
  return new RefgateError('UPSTREAM_REFUSED', 'upstream', words);
}
