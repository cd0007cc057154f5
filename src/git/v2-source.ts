/** Protocol v2 toward an upstream's upload-pack: gitprotocol-v2(5). */
import { isUtf8 } from 'node:buffer';
import { RefgateError } from '../domain/error.ts';
import type { AdvertisedRef, ObjectFormat, Oid } from '../domain/git.ts';
import type { FetchRequest, LsRefsRequest, ShallowInfo, SourceCapabilities } from '../domain/ports.ts';
import { Capabilities } from './capabilities.ts';
import { isOid, parseObjectFormat } from './oid.ts';
import { chomp, delimPkt, encodePkt, flushPkt, type Pkt, type PktReader, pktText } from './pkt-line.ts';
import { errPktError, protocolError, quoted } from './protocol-error.ts';
import { isShownRefName } from './ref-name.ts';

const maxCapabilityLines = 100;

/** The most acknowledgments, and the most shallow lines, that an answer may hold: as many as a request has haves. */
const maxSectionLines = 1_000_000;

/** What every request says of us and of the repository. `agent` as in `refgate/0.1.0`. */
export interface CommandContext {
  readonly agent: string;
  readonly objectFormat: ObjectFormat;
}

/**
 * The upstream's capability advertisement. Throws UPSTREAM_PROTOCOL when it
 * does not speak v2, and REPO_NOT_FOUND or UPSTREAM_REFUSED for an `ERR` line.
 */
export async function readV2Capabilities(reader: PktReader): Promise<SourceCapabilities> {
  const first = await reader.read();
  if (first === null) throw protocolError(reader.peer, 'the upstream closed the connection without a word');
  if (first.type === 'data') throwErr(first.payload);
  if (first.type !== 'data' || pktText(first.payload, reader.peer) !== 'version 2') throw notV2(first);
  const lines: string[] = [];
  for await (const batch of reader.batches()) {
    for (const payload of batch) lines.push(pktText(payload, reader.peer));
    if (lines.length > maxCapabilityLines) throw protocolError(reader.peer, 'too many capabilities');
  }
  const line = (name: string) => lines.find((text) => text === name || text.startsWith(`${name}=`));
  const features = (name: string) =>
    Capabilities.parse(line(name)?.slice(name.length + 1) ?? '', reader.peer);
  for (const name of ['fetch', 'ls-refs']) {
    if (line(name) === undefined) throw protocolError(reader.peer, `the upstream does not serve ${name}`);
  }
  const objectFormat = parseObjectFormat(line('object-format')?.slice('object-format='.length));
  if (objectFormat === undefined) throw protocolError(reader.peer, 'an object format that is not known here');
  const fetch = features('fetch');
  return {
    objectFormat,
    filter: fetch.has('filter'),
    shallow: fetch.has('shallow'),
    unborn: features('ls-refs').has('unborn'),
    waitForDone: fetch.has('wait-for-done'),
  };
}

function notV2(first: Pkt): RefgateError {
  const said = first.type === 'data' ? quoted(first.payload) : `a ${first.type}-pkt`;
  return protocolError(
    'upstream',
    `expected "version 2", got ${said}; over SSH, let the upstream's sshd_config have AcceptEnv GIT_PROTOCOL`,
  );
}

function throwErr(payload: Buffer): void {
  const error = errPktError(payload);
  if (error !== undefined) throw error;
}

/** An ls-refs command, written canonically. */
export function formatLsRefs(request: LsRefsRequest, context: CommandContext): Buffer {
  return formatCommand('ls-refs', context, [
    ...(request.peel ? ['peel'] : []),
    ...(request.symrefs ? ['symrefs'] : []),
    ...(request.unborn ? ['unborn'] : []),
    ...request.prefixes.map((prefix) => `ref-prefix ${prefix}`),
  ]);
}

/** A fetch command, written canonically. */
export function formatFetch(request: FetchRequest, context: CommandContext): Buffer {
  return formatCommand('fetch', context, [
    ...(request.thinPack ? ['thin-pack'] : []),
    ...(request.noProgress ? ['no-progress'] : []),
    ...(request.includeTag ? ['include-tag'] : []),
    ...(request.ofsDelta ? ['ofs-delta'] : []),
    ...request.shallow.map((oid) => `shallow ${oid}`),
    ...(request.deepen === undefined ? [] : [`deepen ${request.deepen}`]),
    ...(request.deepenSince === undefined ? [] : [`deepen-since ${request.deepenSince}`]),
    ...request.deepenNot.map((ref) => `deepen-not ${ref}`),
    ...(request.deepenRelative ? ['deepen-relative'] : []),
    ...(request.filter === undefined ? [] : [`filter ${request.filter}`]),
    ...(request.waitForDone ? ['wait-for-done'] : []),
    ...request.wants.map((oid) => `want ${oid}`),
    ...request.haves.map((oid) => `have ${oid}`),
    ...(request.done ? ['done'] : []),
  ]);
}

function formatCommand(command: string, context: CommandContext, args: readonly string[]): Buffer {
  const pkt = (line: string) => encodePkt(`${line}\n`);
  return Buffer.concat([
    pkt(`command=${command}`),
    pkt(`agent=${context.agent}`),
    pkt(`object-format=${context.objectFormat}`),
    delimPkt,
    ...args.map(pkt),
    flushPkt,
  ]);
}

/**
 * The answer to ls-refs in batches; names that are not UTF-8 are left out.
 * Throws UPSTREAM_PROTOCOL, PKT_TRUNCATED, REPO_NOT_FOUND, UPSTREAM_REFUSED.
 */
export async function* readLsRefs(
  reader: PktReader,
  format: ObjectFormat,
): AsyncGenerator<readonly AdvertisedRef[]> {
  for await (const batch of reader.batches()) {
    const refs: AdvertisedRef[] = [];
    for (const payload of batch) {
      throwErr(payload);
      const line = chomp(payload);
      if (isUtf8(line)) refs.push(parseRefLine(line.toString('utf8'), format));
    }
    if (refs.length > 0) yield refs;
  }
}

function parseRefLine(line: string, format: ObjectFormat): AdvertisedRef {
  const [oid, ref, ...attributes] = line.split(' ');
  let peeled: Oid | undefined;
  let symrefTarget: string | undefined;
  for (const attribute of attributes) {
    if (attribute.startsWith('symref-target:')) symrefTarget = attribute.slice('symref-target:'.length);
    else if (attribute.startsWith('peeled:')) peeled = attribute.slice('peeled:'.length);
  }
  const sound =
    oid !== undefined &&
    ref !== undefined &&
    (oid === 'unborn' || isOid(oid, format)) &&
    isShownRefName(ref) &&
    (peeled === undefined || isOid(peeled, format)) &&
    (symrefTarget === undefined || isShownRefName(symrefTarget));
  if (!sound) throw protocolError('upstream', `${quoted(line)} in the answer to ls-refs`);
  return {
    ref,
    oid: oid === 'unborn' ? null : oid,
    ...(peeled === undefined ? {} : { peeled }),
    ...(symrefTarget === undefined ? {} : { symrefTarget }),
  };
}

/** What of a fetch answer comes before the sidebands. */
export interface FetchHead {
  readonly acks: readonly Oid[];
  readonly ready: boolean;
  readonly shallowInfo?: ShallowInfo;
  /** Whether sidebands follow on the reader: `passThrough(reader)`. */
  readonly hasPack: boolean;
}

/**
 * Reads a fetch answer up to its `packfile` header, or whole when it has no
 * pack. Throws UPSTREAM_PROTOCOL, PKT_TRUNCATED, REPO_NOT_FOUND, UPSTREAM_REFUSED.
 */
export async function readFetchHead(reader: PktReader, format: ObjectFormat): Promise<FetchHead> {
  const head = new FetchHeadReader(reader, format);
  return head.read();
}

class FetchHeadReader {
  readonly #reader: PktReader;
  readonly #format: ObjectFormat;
  readonly #acks: Oid[] = [];
  readonly #info = { shallow: [] as Oid[], unshallow: [] as Oid[] };
  #ready = false;

  constructor(reader: PktReader, format: ObjectFormat) {
    this.#reader = reader;
    this.#format = format;
  }

  async read(): Promise<FetchHead> {
    let section = await this.#line();
    let more = true;
    if (section === 'acknowledgments') {
      more = (await this.#section((line) => this.#acknowledgment(line))) === 'delim';
      if (more !== this.#ready)
        throw protocolError(this.#reader.peer, 'ready and the pack do not go together');
      if (!more) return { acks: this.#acks, ready: false, hasPack: false };
      section = await this.#line();
    }
    const hasInfo = section === 'shallow-info';
    if (hasInfo) {
      const end = await this.#section((line) => this.#shallow(line));
      if (end !== 'delim') throw protocolError(this.#reader.peer, 'no pack after shallow-info');
      section = await this.#line();
    }
    if (section !== 'packfile')
      throw protocolError(this.#reader.peer, `${quoted(section ?? 'the end')} in a fetch answer`);
    const head = { acks: this.#acks, ready: this.#ready, hasPack: true };
    return hasInfo ? { ...head, shallowInfo: this.#info } : head;
  }

  /** Lines up to a delim-pkt or flush-pkt, which is told. */
  async #section(take: (line: string) => boolean): Promise<'delim' | 'flush'> {
    for (let left = maxSectionLines + 1; ; left--) {
      if (left < 0) throw protocolError(this.#reader.peer, 'a fetch answer without end');
      const pkt = await this.#pkt();
      if (pkt.type === 'delim' || pkt.type === 'flush') return pkt.type;
      if (pkt.type !== 'data') throw protocolError(this.#reader.peer, `a ${pkt.type}-pkt in a fetch answer`);
      const line = pktText(pkt.payload, this.#reader.peer);
      if (!take(line)) throw protocolError(this.#reader.peer, `${quoted(line)} in a fetch answer`);
    }
  }

  #acknowledgment(line: string): boolean {
    if (line === 'ready') this.#ready = true;
    else if (line.startsWith('ACK ') && isOid(line.slice(4), this.#format)) this.#acks.push(line.slice(4));
    else return line === 'NAK';
    return true;
  }

  #shallow(line: string): boolean {
    const [word, oid, ...rest] = line.split(' ');
    if (rest.length > 0 || oid === undefined || !isOid(oid, this.#format)) return false;
    if (word === 'shallow') this.#info.shallow.push(oid);
    else if (word === 'unshallow') this.#info.unshallow.push(oid);
    else return false;
    return true;
  }

  /** A section header; undefined for a signal. */
  async #line(): Promise<string | undefined> {
    const pkt = await this.#pkt();
    return pkt.type === 'data' ? pktText(pkt.payload, this.#reader.peer) : undefined;
  }

  async #pkt(): Promise<Pkt> {
    const pkt = await this.#reader.read();
    if (pkt === null)
      throw new RefgateError('PKT_TRUNCATED', this.#reader.peer, 'in the middle of a fetch answer');
    if (pkt.type === 'data') throwErr(pkt.payload);
    return pkt;
  }
}
