/** Protocol v2 as a server answers it: gitprotocol-v2(5). */
import type { AdvertisedRef } from '../domain/git.ts';
import type { FetchRequest, FetchResponse, LsRefsRequest } from '../domain/ports.ts';
import { delimPkt, encodePkt, flushPkt } from './pkt-line.ts';
import { cleanLine } from './text.ts';

/** The answer to ls-refs, its flush-pkt included, one buffer a batch. Shows only what the request asked for. */
export async function* writeLsRefs(
  refs: AsyncIterable<readonly AdvertisedRef[]>,
  request: LsRefsRequest,
): AsyncGenerator<Buffer> {
  for await (const batch of refs) {
    const lines = batch
      .filter((ref) => ref.oid !== null || request.unborn)
      .map((ref) => refLine(ref, request));
    if (lines.length > 0) yield Buffer.from(lines.join(''));
  }
  yield flushPkt;
}

function refLine({ ref, oid, peeled, symrefTarget }: AdvertisedRef, request: LsRefsRequest): string {
  let text = `${oid ?? 'unborn'} ${ref}`;
  if (symrefTarget !== undefined && (request.symrefs || oid === null))
    text += ` symref-target:${symrefTarget}`;
  if (peeled !== undefined && request.peel) text += ` peeled:${peeled}`;
  return `${(Buffer.byteLength(text) + 5).toString(16).padStart(4, '0')}${text}\n`;
}

/**
 * Everything of a fetch answer before the sidebands: acknowledgments where the
 * request calls for them, shallow-info, and the `packfile` header when there is a pack. Without a pack it
 * ends with the flush-pkt; with one, the sidebands and `flushPkt` are to follow.
 */
export function formatFetchHead(
  request: FetchRequest,
  response: Pick<FetchResponse, 'acks' | 'ready' | 'shallowInfo' | 'pack'>,
): Buffer {
  const parts: Buffer[] = [];
  const line = (text: string) => parts.push(encodePkt(`${text}\n`));
  if (!request.done && request.haves.length > 0) {
    line('acknowledgments');
    if (response.acks.length === 0) line('NAK');
    for (const oid of response.acks) line(`ACK ${oid}`);
    if (response.ready) line('ready');
    if (response.pack !== undefined) parts.push(delimPkt);
  }
  if (response.pack === undefined) return Buffer.concat([...parts, flushPkt]);
  if (response.shallowInfo !== undefined) {
    line('shallow-info');
    for (const oid of response.shallowInfo.shallow) line(`shallow ${oid}`);
    for (const oid of response.shallowInfo.unshallow) line(`unshallow ${oid}`);
    parts.push(delimPkt);
  }
  line('packfile');
  return Buffer.concat(parts);
}

/** An `ERR` pkt-line with one clean line of text; only where a client waits for a pkt-line outside the sidebands. */
export function errPkt(text: string): Buffer {
  return encodePkt(`ERR ${cleanLine(text, 1000)}`);
}
