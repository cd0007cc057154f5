import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { promisify } from 'node:util';
import { constants, createGzip, type Gzip, gunzip, gzipSync } from 'node:zlib';
import { RefgateError } from '../domain/error.ts';
import type { CommitFacts, Finding, PathChange, RefContents, UnknownFact } from '../domain/facts.ts';
import type { KeptFacts } from '../domain/record.ts';
import type { PushFacts } from '../domain/session.ts';
import type { Store, StoreWrite } from '../domain/store.ts';

/**
 * The facts of every push, kept as the policy judged them, so that the push can
 * be explained and judged again. They are as old as the ledger: nothing prunes
 * them yet. What is kept is JSON in lines, compressed, in pieces that the store
 * takes easily; its digest is in the ledger's event, so that a piece that was
 * changed afterwards is known.
 *
 * The first line is the push; then comes one line for each ref, `{"r":COUNTS}`,
 * with the lines of its lists behind it: `c` commit, `p` path, `f` finding, `u` unknown.
 */
const folder = 'facts!';

const pieceBytes = 1 << 20;

/** What one push may take: of the store, of memory when it is read again, and of time. */
const keptFactsLimits = { bytes: 16 << 20, textBytes: 64 << 20, rows: 200_000 } as const;

/** Text is handed on in parts of this size, in bytes, so that a long list is neither in memory nor holds up other sessions. */
const partBytes = 64 << 10;

interface Row {
  readonly c?: CommitFacts;
  readonly p?: PathChange;
  readonly f?: Finding;
  readonly u?: UnknownFact;
}

/** The facts as writes that belong into the batch of `push.inspected`, and what that event says of them. */
export async function keepFacts(
  session: string,
  facts: PushFacts,
  limits: { readonly bytes: number; readonly textBytes: number; readonly rows: number } = keptFactsLimits,
): Promise<{ readonly writes: readonly StoreWrite[]; readonly summary: KeptFacts }> {
  const squeeze = new Squeeze(limits.bytes);
  const { contents, ...push } = facts;
  await squeeze.write(`${JSON.stringify({ ...push, contents: contents !== undefined })}\n`);
  let rows = 0;
  let complete = true;
  let part = '';
  let textBytes = 0;
  for (const one of contents ?? []) {
    part += `${JSON.stringify({ r: one.counts })}\n`;
    for (const row of rowsOf(one)) {
      const line = `${JSON.stringify(row)}\n`;
      textBytes += Buffer.byteLength(line);
      complete &&= rows < limits.rows && textBytes <= limits.textBytes && !squeeze.isFull;
      if (!complete) break;
      rows += 1;
      part += line;
      if (part.length < partBytes) continue;
      await squeeze.write(part);
      part = '';
    }
  }
  await squeeze.write(part);
  const kept = await squeeze.end();
  const sha256 = createHash('sha256').update(kept).digest('hex');
  const writes: StoreWrite[] = [];
  for (let at = 0; at < kept.length; at += pieceBytes) {
    const key = `${folder}${session}!${String(writes.length).padStart(4, '0')}`;
    writes.push({ type: 'put', key, value: kept.subarray(at, at + pieceBytes) });
  }
  return { writes, summary: { sha256, bytes: kept.length, rows, complete } };
}

/** What matters most first: of a list that is cut, the findings are kept. */
function* rowsOf(contents: RefContents): Generator<Row> {
  for (const f of contents.findings) yield { f };
  for (const u of contents.unknowns) yield { u };
  for (const c of contents.commits) yield { c };
  for (const p of contents.changes) yield { p };
}

/** gzip in a thread of the process; what comes out is kept. Little text is squeezed on the spot, which is less work. */
class Squeeze {
  readonly #room: number;
  readonly #pieces: Buffer[] = [];
  #first = '';
  #gzip: Gzip | undefined;
  #ended: Promise<unknown> = Promise.resolve();
  #bytes = 0;

  constructor(room: number) {
    this.#room = room;
  }

  /** Room is left for what is written and has not come out yet. */
  get isFull(): boolean {
    return this.#bytes > this.#room - 4 * partBytes;
  }

  async write(text: string): Promise<void> {
    this.#first += text;
    if (this.#first.length < partBytes) return;
    this.#gzip ??= this.#open();
    const taken = this.#gzip.write(this.#first);
    this.#first = '';
    if (!taken) await Promise.race([once(this.#gzip, 'drain'), this.#ended]);
  }

  async end(): Promise<Buffer> {
    if (this.#gzip === undefined) return gzipSync(this.#first, { level });
    this.#gzip.end(this.#first);
    await this.#ended;
    return Buffer.concat(this.#pieces);
  }

  #open(): Gzip {
    const gzip = createGzip({ level });
    gzip.on('data', (piece: Buffer) => {
      this.#bytes += piece.length;
      this.#pieces.push(piece);
    });
    this.#ended = once(gzip, 'end');
    // Awaited at the end; a failure must not be unhandled before that.
    this.#ended.catch(() => {});
    return gzip;
  }
}

const level = constants.Z_BEST_SPEED;

const expand = promisify(gunzip);

/**
 * The facts of a push as they were judged. `kept` is what its event says of
 * them. Undefined when they are not there. Throws LEDGER_CORRUPT when they are
 * not the ones that the event speaks of.
 */
export async function readFacts(
  store: Store,
  session: string,
  kept: KeptFacts,
): Promise<PushFacts | undefined> {
  const pieces: Uint8Array[] = [];
  const digest = createHash('sha256');
  let bytes = 0;
  const from = `${folder}${session}!`;
  for await (const [, piece] of store.range({ from, to: `${from}~` })) {
    bytes += piece.length;
    if (bytes > kept.bytes) break;
    digest.update(piece);
    pieces.push(piece);
  }
  if (pieces.length === 0) return undefined;
  if (bytes !== kept.bytes || digest.digest('hex') !== kept.sha256) throw changed(session);
  try {
    const text = await expand(Buffer.concat(pieces), { maxOutputLength: 2 * keptFactsLimits.textBytes });
    return parseFacts(text);
  } catch (cause) {
    throw changed(session, cause);
  }
}

function changed(session: string, cause?: unknown): RefgateError {
  const detail = `the kept facts of session ${session} are not the ones that it recorded`;
  return new RefgateError('LEDGER_CORRUPT', 'refgate', detail, { cause });
}

interface Lists {
  readonly counts: RefContents['counts'];
  readonly findings: Finding[];
  readonly unknowns: UnknownFact[];
  /** From the first line to the end of the last: commits, then changed paths. */
  commits: readonly [number, number];
  changes: readonly [number, number];
}

/** The long lists stay text, and are parsed while they are walked. */
function parseFacts(text: Buffer): PushFacts {
  const refs: Lists[] = [];
  const firstEnd = text.indexOf(10) + 1;
  for (let at = firstEnd; at < text.length; ) {
    const end = text.indexOf(10, at) + 1;
    if (end === 0) throw new Error('the last line has no end');
    const last = refs.at(-1);
    // The second byte after the brace tells what the line is.
    const kind = String.fromCharCode(text[at + 2] ?? 0);
    if (kind === 'c' && last) last.commits = [last.commits[0] || at, end];
    else if (kind === 'p' && last) last.changes = [last.changes[0] || at, end];
    else {
      const row = JSON.parse(text.toString('utf8', at, end)) as Row & { r: Lists['counts'] };
      if (row.r) refs.push({ counts: row.r, findings: [], unknowns: [], commits: [0, 0], changes: [0, 0] });
      else if (row.f) last?.findings.push(row.f);
      else if (row.u) last?.unknowns.push(row.u);
    }
    at = end;
  }
  const { contents, ...push } = JSON.parse(text.toString('utf8', 0, firstEnd)) as Omit<
    PushFacts,
    'contents'
  > & { contents: boolean };
  return contents ? { ...push, contents: refs.map((ref) => toContents(text, ref)) } : push;
}

function toContents(text: Buffer, { counts, findings, unknowns, commits, changes }: Lists): RefContents {
  return {
    counts,
    findings,
    unknowns,
    commits: { [Symbol.iterator]: () => parseLines<CommitFacts>(text, commits, 'c') },
    changes: { [Symbol.iterator]: () => parseLines<PathChange>(text, changes, 'p') },
  };
}

function* parseLines<T>(text: Buffer, [from, to]: readonly [number, number], kind: 'c' | 'p'): Generator<T> {
  for (let at = from; at < to; ) {
    const end = text.indexOf(10, at) + 1;
    const row: Record<typeof kind, T> = JSON.parse(text.toString('utf8', at, end));
    yield row[kind];
    at = end;
  }
}
