import type { Readable } from 'node:stream';
import { RefgateError } from '../../domain/error.ts';
import { cleanBytes } from '../../git/text.ts';

/** How much of an upstream's stderr or error page is kept, in bytes. */
const complaintLimit = 4096;

/** Collects what a stream says, up to a bound, and lets the rest pass unread. */
export function collectComplaint(stream: Readable): () => string {
  const kept: Buffer[] = [];
  let bytes = 0;
  stream.on('data', (chunk: Buffer) => {
    if (bytes < complaintLimit) kept.push(chunk.subarray(0, complaintLimit - bytes));
    bytes += chunk.length;
  });
  // The stream that carries the protocol reports the failure.
  stream.on('error', () => {});
  return () => cleanBytes(Buffer.concat(kept), 500);
}

/** What it means that a service ended before it said anything: REPO_NOT_FOUND when the upstream's words say so, else UPSTREAM_REFUSED. */
export function endedEarly(complaint: string, status: number | undefined): RefgateError {
  if (/not found|does not exist|not appear to be a git repository|no such/i.test(complaint)) {
    return new RefgateError('REPO_NOT_FOUND', 'client', `the upstream says: ${complaint}`);
  }
  if (complaint !== '') return new RefgateError('UPSTREAM_REFUSED', 'upstream', `it says: ${complaint}`);
  const how = status === undefined ? 'it closed the connection' : `it ended with exit status ${status}`;
  return new RefgateError('UPSTREAM_REFUSED', 'upstream', `${how} without a word`);
}
