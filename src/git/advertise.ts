/** Writing reference advertisements in protocol v0 and v1: gitprotocol-pack(5), "Reference Discovery". */
import type { AdvertisedRef, ObjectFormat, Oid, Service } from '../domain/git.ts';
import type { PushCapabilities, SourceCapabilities } from '../domain/ports.ts';
import { zeroOid } from './oid.ts';
import { encodePkt, flushPkt, type PktReader, pktText } from './pkt-line.ts';
import { protocolError } from './protocol-error.ts';

/** The receive-pack capabilities that we honour, given what the upstream can do. `agent` as in `refgate/0.1.0`. */
export function receivePackCapabilities(
  upstream: PushCapabilities,
  options: { readonly agent: string; readonly pushOptions: boolean },
): readonly string[] {
  return [
    'report-status',
    'report-status-v2',
    ...(upstream.deleteRefs ? ['delete-refs'] : []),
    'side-band-64k',
    'quiet',
    ...(upstream.atomic ? ['atomic'] : []),
    'ofs-delta',
    'no-thin',
    ...(upstream.pushOptions && options.pushOptions ? ['push-options'] : []),
    `object-format=${upstream.objectFormat}`,
    `agent=${options.agent}`,
  ];
}

/** The upload-pack capabilities that we honour in v0 and v1, given what the source can do. */
export function uploadPackCapabilities(
  source: SourceCapabilities,
  options: { readonly agent: string; readonly stateless: boolean },
): readonly string[] {
  return [
    'multi_ack',
    'thin-pack',
    'side-band',
    'side-band-64k',
    'ofs-delta',
    ...(source.shallow ? ['shallow', 'deepen-since', 'deepen-not', 'deepen-relative'] : []),
    'no-progress',
    'include-tag',
    'multi_ack_detailed',
    'allow-tip-sha1-in-want',
    'allow-reachable-sha1-in-want',
    ...(options.stateless ? ['no-done'] : []),
    ...(source.filter ? ['filter'] : []),
    `object-format=${source.objectFormat}`,
    `agent=${options.agent}`,
  ];
}

export interface AdvertiseOptions {
  readonly service: Service;
  readonly version: 0 | 1;
  readonly objectFormat: ObjectFormat;
  readonly capabilities: readonly string[];
  /** Batches in order; for upload-pack HEAD first, with its `symrefTarget`. */
  readonly refs: AsyncIterable<readonly AdvertisedRef[]>;
  /** Asked after the refs: the commits at which the repository itself is cut. */
  readonly boundary?: (() => Promise<readonly Oid[]>) | undefined;
}

/**
 * The advertisement, its flush-pkt included, one buffer a batch. upload-pack
 * shows peeled oids and the symref of HEAD, receive-pack neither; refs without an oid are left out.
 */
export async function* writeAdvertisement(options: AdvertiseOptions): AsyncGenerator<Buffer> {
  const uploads = options.service === 'upload-pack';
  if (options.version === 1) yield encodePkt('version 1\n');
  let first = true;
  for await (const batch of options.refs) {
    const lines: string[] = [];
    for (const { ref, oid, peeled, symrefTarget } of batch) {
      if (oid === null) continue;
      const symref =
        uploads && ref === 'HEAD' && symrefTarget !== undefined ? [`symref=HEAD:${symrefTarget}`] : [];
      lines.push(
        first
          ? line(`${oid} ${ref}\0${[...symref, ...options.capabilities].join(' ')}`)
          : line(`${oid} ${ref}`),
      );
      first = false;
      if (uploads && peeled !== undefined) lines.push(line(`${peeled} ${ref}^{}`));
    }
    if (lines.length > 0) yield Buffer.from(lines.join(''));
  }
  if (first)
    yield encodePkt(`${zeroOid(options.objectFormat)} capabilities^{}\0${options.capabilities.join(' ')}\n`);
  for (const oid of (await options.boundary?.()) ?? []) yield encodePkt(`shallow ${oid}`);
  yield flushPkt;
}

function line(text: string): string {
  const length = Buffer.byteLength(text) + 5;
  return `${length.toString(16).padStart(4, '0')}${text}\n`;
}

/** What smart HTTP sends before an advertisement: gitprotocol-http(5), "Smart Server Response". */
export function servicePrelude(service: Service): Buffer {
  return Buffer.concat([encodePkt(`# service=git-${service}\n`), flushPkt]);
}

/**
 * Takes the prelude of smart HTTP off an upstream's answer; servers may leave it out in protocol v2. Throws
 * UPSTREAM_PROTOCOL when it names another service.
 */
export async function readServicePrelude(reader: PktReader, service: Service): Promise<void> {
  const pkt = await reader.peek();
  if (pkt?.type !== 'data' || !pkt.payload.toString('latin1', 0, 2).startsWith('# ')) return;
  await reader.read();
  const expected = `# service=git-${service}`;
  if (pktText(pkt.payload, reader.peer) !== expected) {
    throw protocolError(reader.peer, `the answer does not begin with "${expected}"`);
  }
  const end = await reader.read();
  if (end?.type !== 'flush') throw protocolError(reader.peer, 'no flush-pkt after the service line');
}
