/** Protocol v2 as a server hears it: gitprotocol-v2(5). */
import type { ObjectFormat } from '../domain/git.ts';
import type { FetchRequest, LsRefsRequest, SourceCapabilities } from '../domain/ports.ts';
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

export type V2Command = {
  readonly agent?: string;
  /** What the client named, sha1 when it named none. */
  readonly objectFormat: ObjectFormat;
} & (
  | { readonly command: 'ls-refs'; readonly request: LsRefsRequest }
  | { readonly command: 'fetch'; readonly request: FetchRequest }
);

/** All that a source could have been advertised with. */
const everything = { filter: true, shallow: true, unborn: true, waitForDone: true } as const;

/** The capability advertisement: what of the source we honour and nothing else. `agent` as in `refgate/0.1.0`. */
export function formatV2Advertisement(source: SourceCapabilities, agent: string): Buffer {
  const fetch = [
    ...(source.shallow ? ['shallow'] : []),
    ...(source.waitForDone ? ['wait-for-done'] : []),
    ...(source.filter ? ['filter'] : []),
  ].join(' ');
  const lines = [
    'version 2',
    `agent=${agent}`,
    source.unborn ? 'ls-refs=unborn' : 'ls-refs',
    fetch === '' ? 'fetch' : `fetch=${fetch}`,
    `object-format=${source.objectFormat}`,
  ];
  return Buffer.concat([...lines.map((line) => encodePkt(`${line}\n`)), flushPkt]);
}

/**
 * One command request; null when the client has nothing more to ask. Every
 * command, capability and argument that was not advertised is PROTOCOL_ERROR; also throws
 * LIMIT_EXCEEDED, PKT_UNEXPECTED, HUNG_UP.
 * @param source left out when the advertisement went out in a request of its own: then whatever
 *   it could have held is taken, and the source refuses what it lacks.
 */
export async function readV2Command(
  reader: PktReader,
  source: SourceCapabilities | undefined,
  limits: RequestLimits,
): Promise<V2Command | null> {
  const lines = new RequestLines(reader, limits);
  const head = await readHead(lines, source?.objectFormat);
  if (head === null) return null;
  const args: string[] = [];
  while (head.more) {
    const step = await lines.next();
    if ('line' in step) args.push(step.line);
    else if (step.end === 'flush') break;
    else throw lines.unexpected(step);
  }
  const { objectFormat } = head;
  const offered = source ?? { objectFormat, ...everything };
  const common = { objectFormat, ...(head.agent === undefined ? {} : { agent: head.agent }) };
  return head.command === 'ls-refs'
    ? { command: 'ls-refs', request: parseLsRefs(args, offered), ...common }
    : { command: 'fetch', request: parseFetch(args, offered), ...common };
}

interface Head {
  readonly command: 'ls-refs' | 'fetch';
  readonly agent: string | undefined;
  readonly objectFormat: ObjectFormat;
  readonly more: boolean;
}

async function readHead(lines: RequestLines, format: ObjectFormat | undefined): Promise<Head | null> {
  const said = new Map<string, string>();
  for (;;) {
    const step = await lines.next();
    if ('line' in step) {
      const [, key, value] = /^(command|agent|object-format|session-id)=(.+)$/.exec(step.line) ?? [];
      if (key === undefined || value === undefined || said.has(key)) throw lines.unexpected(step);
      said.set(key, value);
      continue;
    }
    if ((step.end === 'flush' || step.end === 'eof') && said.size === 0) return null;
    if (step.end !== 'flush' && step.end !== 'delim') throw lines.unexpected(step);
    const command = said.get('command');
    if (command !== 'ls-refs' && command !== 'fetch') {
      throw protocolError('client', `command ${quoted(command ?? '')} is not served`);
    }
    const objectFormat = parseObjectFormat(said.get('object-format'));
    if (objectFormat === undefined || objectFormat !== (format ?? objectFormat)) {
      throw protocolError('client', `the object format of this repository is ${format ?? 'another one'}`);
    }
    return { command, agent: said.get('agent'), objectFormat, more: step.end === 'delim' };
  }
}

function parseLsRefs(args: readonly string[], source: SourceCapabilities): LsRefsRequest {
  const prefixes: string[] = [];
  const flags = new Set<string>();
  for (const arg of args) {
    if (arg.startsWith('ref-prefix ')) prefixes.push(arg.slice('ref-prefix '.length));
    else if (arg === 'symrefs' || arg === 'peel' || (arg === 'unborn' && source.unborn)) flags.add(arg);
    else throw protocolError('client', `unknown argument ${quoted(arg)} of ls-refs`);
  }
  return {
    prefixes,
    symrefs: flags.has('symrefs'),
    peel: flags.has('peel'),
    unborn: flags.has('unborn'),
  };
}

/** Arguments of fetch as they are gathered. */
class FetchArguments {
  readonly wants = new Set<string>();
  readonly haves = new Set<string>();
  readonly shallow = new Set<string>();
  readonly deepenNot: string[] = [];
  readonly flags = new Set<string>();
  readonly values = new Map<'deepen' | 'deepenSince', number>();
  filter: string | undefined;
}

type Taker = (into: FetchArguments, value: string, format: ObjectFormat) => void;

const valued: ReadonlyMap<string, Taker> = new Map<string, Taker>([
  ['want', (into, value, format) => into.wants.add(oidArgument(value, format))],
  ['have', (into, value, format) => into.haves.add(oidArgument(value, format))],
  ['shallow', (into, value, format) => into.shallow.add(oidArgument(value, format))],
  ['deepen', (into, value) => into.values.set('deepen', depthArgument(value))],
  ['deepen-since', (into, value) => into.values.set('deepenSince', timeArgument(value))],
  ['deepen-not', (into, value) => into.deepenNot.push(excludedRefArgument(value))],
  [
    'filter',
    (into, value) => {
      if (into.filter !== undefined) throw protocolError('client', 'more than one filter');
      checkFilter(value, 'client');
      into.filter = value;
    },
  ],
]);

const bare = new Set([
  'done',
  'thin-pack',
  'no-progress',
  'include-tag',
  'ofs-delta',
  'deepen-relative',
  'wait-for-done',
]);
const needsShallow = new Set(['shallow', 'deepen', 'deepen-since', 'deepen-not', 'deepen-relative']);

function parseFetch(args: readonly string[], source: SourceCapabilities): FetchRequest {
  const into = new FetchArguments();
  for (const arg of args) {
    const space = arg.indexOf(' ');
    const name = space < 0 ? arg : arg.slice(0, space);
    const taker = space < 0 ? undefined : valued.get(name);
    const offered =
      (source.shallow || !needsShallow.has(name)) &&
      (source.filter || name !== 'filter') &&
      (source.waitForDone || name !== 'wait-for-done');
    if (offered && taker !== undefined) taker(into, arg.slice(space + 1), source.objectFormat);
    else if (offered && bare.has(arg)) into.flags.add(arg);
    else throw protocolError('client', `unknown argument ${quoted(arg)} of fetch`);
  }
  checkTogether(into);
  return toRequest(into);
}

function checkTogether(into: FetchArguments): void {
  if (into.values.has('deepen') && (into.values.has('deepenSince') || into.deepenNot.length > 0)) {
    throw protocolError('client', 'deepen cannot be used with deepen-since or deepen-not');
  }
  if (into.wants.size === 0 && (into.flags.has('done') || !into.flags.has('wait-for-done'))) {
    throw protocolError('client', 'a fetch without want');
  }
}

function toRequest(into: FetchArguments): FetchRequest {
  const deepen = into.values.get('deepen');
  const deepenSince = into.values.get('deepenSince');
  return {
    wants: [...into.wants],
    haves: [...into.haves],
    done: into.flags.has('done'),
    shallow: [...into.shallow],
    ...(deepen === undefined ? {} : { deepen }),
    ...(deepenSince === undefined ? {} : { deepenSince }),
    deepenNot: into.deepenNot,
    deepenRelative: into.flags.has('deepen-relative'),
    ...(into.filter === undefined ? {} : { filter: into.filter }),
    thinPack: into.flags.has('thin-pack'),
    noProgress: into.flags.has('no-progress'),
    includeTag: into.flags.has('include-tag'),
    ofsDelta: into.flags.has('ofs-delta'),
    waitForDone: into.flags.has('wait-for-done'),
  };
}
