/** Reading reference advertisements in protocol v0 and v1: gitprotocol-pack(5), "Reference Discovery". */

import { isUtf8 } from 'node:buffer';
import type { AdvertisedRef, ObjectFormat, Oid } from '../domain/git.ts';
import type { PushCapabilities } from '../domain/ports.ts';
import { Capabilities } from './capabilities.ts';
import { isOid, isZeroOid, parseObjectFormat } from './oid.ts';
import { chomp, type PktReader, pktText } from './pkt-line.ts';
import { errPktError, protocolError, quoted } from './protocol-error.ts';
import { isShownRefName } from './ref-name.ts';

export interface Advertisement {
  readonly version: 0 | 1;
  readonly capabilities: Capabilities;
  readonly objectFormat: ObjectFormat;
  /**
   * Batches in the peer's order, with `^{}` lines joined to their refs, without
   * `.have` lines and without names that are not UTF-8. Must be read before anything else on the reader.
   */
  readonly refs: AsyncIterable<readonly AdvertisedRef[]>;
}

/**
 * Reads the head of an advertisement; the refs follow as they are asked for.
 * Throws REPO_NOT_FOUND or UPSTREAM_REFUSED for an `ERR` line, UPSTREAM_PROTOCOL for what is not an advertisement.
 */
export async function readAdvertisement(reader: PktReader): Promise<Advertisement> {
  let line = await firstLine(reader);
  let version: 0 | 1 = 0;
  if (line?.toString('latin1') === 'version 1') {
    version = 1;
    line = await firstLine(reader);
  }
  if (line === undefined) return empty(version);
  const nul = line.indexOf(0);
  const capabilities = Capabilities.parse(
    nul < 0 ? '' : pktText(line.subarray(nul + 1), reader.peer),
    reader.peer,
  );
  const objectFormat = parseObjectFormat(capabilities.get('object-format'));
  if (objectFormat === undefined) throw protocolError(reader.peer, 'an object format that is not known here');
  const first = nul < 0 ? line : line.subarray(0, nul);
  return { version, capabilities, objectFormat, refs: readRefs(reader, first, objectFormat, capabilities) };
}

/** What of an upstream's receive-pack is used here. */
export function pushCapabilities(advertisement: Advertisement): PushCapabilities {
  const { capabilities, objectFormat } = advertisement;
  return {
    objectFormat,
    atomic: capabilities.has('atomic'),
    pushOptions: capabilities.has('push-options'),
    deleteRefs: capabilities.has('delete-refs'),
  };
}

function empty(version: 0 | 1): Advertisement {
  const refs = (async function* (): AsyncGenerator<readonly AdvertisedRef[]> {})();
  return { version, capabilities: Capabilities.parse('', 'upstream'), objectFormat: 'sha1', refs };
}

/** The first line, without its LF; undefined for a flush-pkt. */
async function firstLine(reader: PktReader): Promise<Buffer | undefined> {
  const pkt = await reader.read();
  if (pkt === null) throw protocolError(reader.peer, 'the stream ended before the advertisement');
  if (pkt.type === 'flush') return undefined;
  if (pkt.type !== 'data') throw protocolError(reader.peer, `a ${pkt.type}-pkt before the advertisement`);
  const error = errPktError(pkt.payload);
  if (error !== undefined) throw error;
  return chomp(pkt.payload);
}

async function* readRefs(
  reader: PktReader,
  first: Buffer,
  format: ObjectFormat,
  capabilities: Capabilities,
): AsyncGenerator<readonly AdvertisedRef[]> {
  const join = new RefLines(reader, format, capabilities);
  join.add(first);
  for await (const batch of reader.batches()) {
    for (const line of batch) join.add(chomp(line));
    const refs = join.take(false);
    if (refs.length > 0) yield refs;
  }
  const last = join.take(true);
  if (last.length > 0) yield last;
}

/** Lines become refs; the last one is kept back until it is known whether its peeled line follows. */
class RefLines {
  readonly #reader: PktReader;
  readonly #format: ObjectFormat;
  readonly #symrefs = new Map<string, string>();
  #refs: AdvertisedRef[] = [];
  #shallow = false;
  #skipped: string | undefined;

  constructor(reader: PktReader, format: ObjectFormat, capabilities: Capabilities) {
    this.#reader = reader;
    this.#format = format;
    for (const symref of capabilities.all('symref')) {
      const colon = symref.indexOf(':');
      const target = symref.slice(colon + 1);
      if (colon > 0 && isShownRefName(target)) this.#symrefs.set(symref.slice(0, colon), target);
    }
  }

  add(line: Buffer): void {
    const error = errPktError(line);
    if (error !== undefined) throw error;
    const space = line.indexOf(0x20);
    const oid = line.toString('latin1', 0, Math.max(space, 0));
    if (oid === 'shallow' && isOid(line.toString('latin1', 8), this.#format)) {
      this.#shallow = true;
      return;
    }
    if (this.#shallow || !isOid(oid, this.#format)) throw this.#refusal(line);
    const name = line.subarray(space + 1);
    const ref = name.toString('utf8');
    if (ref === '.have') return;
    if (ref === 'capabilities^{}' && isZeroOid(oid)) return;
    if (ref.endsWith('^{}')) this.#peel(ref.slice(0, -3), oid, line);
    else if (isUtf8(name)) this.#addRef(ref, oid, line);
    else this.#skipped = ref;
  }

  take(all: boolean): readonly AdvertisedRef[] {
    const refs = this.#refs;
    const last = all ? undefined : refs.pop();
    this.#refs = last === undefined ? [] : [last];
    return refs;
  }

  #addRef(ref: string, oid: Oid, line: Buffer): void {
    if (!isShownRefName(ref) || isZeroOid(oid)) throw this.#refusal(line);
    const symrefTarget = this.#symrefs.get(ref);
    this.#refs.push(symrefTarget === undefined ? { ref, oid } : { ref, oid, symrefTarget });
  }

  #peel(ref: string, peeled: Oid, line: Buffer): void {
    if (ref === this.#skipped) return;
    const last = this.#refs.pop();
    if (last?.ref !== ref) throw this.#refusal(line);
    this.#refs.push({ ...last, peeled });
  }

  #refusal(line: Buffer): Error {
    return protocolError(this.#reader.peer, `${quoted(line)} in the advertisement`);
  }
}
