import { RefgateError } from '../domain/error.ts';
import type { Log } from '../domain/log.ts';
import type {
  DayCounts,
  EventCode,
  EventContext,
  EventPayloads,
  LedgerCounts,
  LedgerEvent,
  LedgerReader,
  Recorder,
  SessionQuery,
  SessionSummary,
} from '../domain/record.ts';
import type { Store, StoreWrite } from '../domain/store.ts';
import { DayCounter, readDays } from './day-counts.ts';
import { findSessions } from './find-sessions.ts';
import { formatHead, readHead } from './head.ts';
import { blobKey, headKey, lastNumber, lastPart, leafKey, ledgerPrefix, under } from './keys.ts';
import { corrupt, formatLeaf, type Leaf, parseLeaf, readRow } from './leaf.ts';
import type { MerkleTree } from './merkle-tree.ts';
import { isCode, SessionIndex } from './session-index.ts';
import { checkTail, verifyLedger } from './verify-ledger.ts';

/** At most this much goes into one synced batch; the next one takes the rest. */
const maxBatchEvents = 512;
const maxBatchBytes = 8 << 20;

/** Session ids become parts of keys. */
const sessionId = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;

const maxActorLength = 256;

interface Waiting {
  readonly event: LedgerEvent;
  readonly leaf: Leaf;
  readonly writes: readonly StoreWrite[];
  readonly resolve: () => void;
  readonly reject: (error: RefgateError) => void;
}

/**
 * Opens the ledger in `store`, which stays the caller's to close, and checks
 * that its head agrees with its last leaves. `clock` gives milliseconds since
 * 1970. Throws LEDGER_CORRUPT.
 */
export async function openLedger(options: { store: Store; clock?: () => number; log: Log }): Promise<Ledger> {
  const tree = await readHead(options.store);
  await checkTail(options.store, tree);
  return new Ledger(options.store, options.clock ?? Date.now, options.log, tree);
}

/**
 * The ledger: an append-only RFC 6962 tree of events. There is one queue, and
 * one batch at a time is on its way to disk: an event that finds the queue
 * empty is written at once, and what arrives meanwhile goes together in the
 * next batch. A batch holds the leaves, the tree head, the index, the counts and the
 * writes that belong to the events, whole or not at all. After a write that
 * failed nobody knows what is on disk, so nothing more is appended until the
 * ledger is opened again.
 */
export class Ledger implements Recorder, LedgerReader, LedgerCounts {
  readonly #store: Store;
  readonly #clock: () => number;
  readonly #log: Log;
  readonly #tree: MerkleTree;
  readonly #sessions: SessionIndex;
  readonly #days: DayCounter;
  #queue: Waiting[] = [];
  #nextSeq: number;
  #committed: { size: number; rootHash: string };
  #writing: Promise<void> | undefined;
  #refusal: RefgateError | undefined;

  constructor(store: Store, clock: () => number, log: Log, tree: MerkleTree) {
    this.#store = store;
    this.#clock = clock;
    this.#log = log;
    this.#tree = tree;
    this.#sessions = new SessionIndex(store);
    this.#days = new DayCounter(store);
    this.#nextSeq = tree.size;
    this.#committed = { size: tree.size, rootHash: tree.root().toString('hex') };
  }

  async append<C extends EventCode>(
    code: C,
    data: EventPayloads[C],
    context: EventContext,
  ): Promise<LedgerEvent<C>> {
    if (this.#refusal) throw this.#refusal;
    const event = this.#toEvent(code, data, context);
    const leaf = formatLeaf(event);
    this.#nextSeq += 1;
    await new Promise<void>((resolve, reject) => {
      this.#queue.push({ event, leaf, writes: context.writes ?? [], resolve, reject });
      this.#writing ??= this.#writeQueue();
    });
    return event;
  }

  #toEvent<C extends EventCode>(code: C, data: EventPayloads[C], context: EventContext): LedgerEvent<C> {
    const { session, actor, writes } = context;
    if (session !== undefined && !sessionId.test(session)) throw misuse('the session id is not one');
    if (actor === '' || actor.length > maxActorLength) throw misuse('the actor is not one');
    if (writes?.some((write) => write.key.startsWith(ledgerPrefix)))
      throw misuse('a write into the ledger itself');
    const time = new Date(this.#clock()).toISOString();
    const mono = Math.round(performance.now() * 1000) / 1000;
    return {
      v: 1,
      seq: this.#nextSeq,
      time,
      mono,
      code,
      ...(session !== undefined && { session }),
      actor,
      data,
    };
  }

  async #writeQueue(): Promise<void> {
    // Callers of the same turn of the event loop get into the first batch together.
    await Promise.resolve();
    while (this.#queue.length > 0) {
      const batch = this.#takeBatch();
      try {
        await this.#write(batch);
      } catch (cause) {
        this.#fail(cause, batch);
        break;
      }
      for (const waiting of batch) waiting.resolve();
    }
    this.#writing = undefined;
  }

  #takeBatch(): Waiting[] {
    let bytes = 0;
    const tooMuch = this.#queue.findIndex(({ leaf, writes }, count) => {
      bytes += leaf.row.length + (leaf.blob?.bytes.length ?? 0);
      for (const write of writes) bytes += write.type === 'put' ? write.value.length : 0;
      return count > 0 && (count === maxBatchEvents || bytes > maxBatchBytes);
    });
    return this.#queue.splice(0, tooMuch === -1 ? this.#queue.length : tooMuch);
  }

  async #write(batch: readonly Waiting[]): Promise<void> {
    // A later write of the same key replaces the earlier one: the same result, fewer bytes.
    const writes = new Map<string, StoreWrite>();
    const add = (write: StoreWrite) => writes.set(write.key, write);
    for (const { event, leaf, writes: own } of batch) {
      this.#tree.append(leaf.hash);
      add({ type: 'put', key: leafKey(event.seq), value: leaf.row });
      if (leaf.blob) add({ type: 'put', key: blobKey(leaf.blob.digest), value: leaf.blob.bytes });
      const ended = event.code === 'session.closed' ? await this.#sessions.summary(event.session) : undefined;
      await this.#days.add(event, ended);
      for (const write of await this.#sessions.writes(event)) add(write);
      for (const write of own) add(write);
    }
    for (const write of this.#days.takeWrites()) add(write);
    add({ type: 'put', key: headKey, value: formatHead(this.#tree) });
    await this.#store.write([...writes.values()]);
    this.#committed = { size: this.#tree.size, rootHash: this.#tree.root().toString('hex') };
    this.#sessions.written();
    this.#days.written();
  }

  #fail(cause: unknown, batch: readonly Waiting[]): void {
    const advice = 'see the log, make room or repair the disk, and restart';
    this.#refusal = new RefgateError('LEDGER_UNAVAILABLE', 'refgate', advice, { cause });
    const waiting = [...batch, ...this.#queue];
    this.#queue = [];
    this.#log.error({ err: cause, events: waiting.length }, 'ledger write failed');
    for (const { reject } of waiting) reject(this.#refusal);
  }

  async sessions(query: SessionQuery): Promise<readonly SessionSummary[]> {
    return findSessions(this.#store, query, async (id, ref) => {
      const events = await this.sessionEvents(id);
      return events.some(
        (event) => isCode(event, 'push.requested') && event.data.updates.some((update) => update.ref === ref),
      );
    });
  }

  async sessionEvents(id: string): Promise<readonly LedgerEvent[]> {
    if (!sessionId.test(id)) return [];
    const events: LedgerEvent[] = [];
    for await (const [key] of this.#store.range(under(`ledger/session-event/${id}`))) {
      const event = await this.#read(lastNumber(key));
      if (event.session !== id) throw corrupt(event.seq, `is not of session ${id}, as the index says`);
      events.push(event);
    }
    return events;
  }

  async days(since: string, until: string): Promise<readonly DayCounts[]> {
    for (const day of [since, until])
      if (!/^\d{4}-\d\d-\d\d$/.test(day))
        throw new RefgateError('USAGE', 'operator', `${JSON.stringify(day)} is not a day such as 2026-01-31`);
    return readDays(this.#store, since, until);
  }

  async unsettled(): Promise<readonly { session: string; decided: LedgerEvent<'push.decided'> }[]> {
    const found: { session: string; decided: LedgerEvent<'push.decided'> }[] = [];
    for await (const [key, value] of this.#store.range(under('ledger/unsettled'))) {
      const seq = Number.parseInt(Buffer.from(value).toString(), 16);
      const decided = await this.#read(seq);
      if (!isCode(decided, 'push.decided'))
        throw corrupt(seq, 'is not the decision that the index says it is');
      found.push({ session: lastPart(key), decided });
    }
    return found;
  }

  async unclosed(): Promise<readonly string[]> {
    const found: string[] = [];
    for await (const [key] of this.#store.range(under('ledger/unclosed'))) found.push(lastPart(key));
    return found;
  }

  /** False from the first write that failed, or the closing, on: then nothing is appended any more. */
  get isWritable(): boolean {
    return this.#refusal === undefined;
  }

  async head(): Promise<{ size: number; rootHash: string }> {
    return this.#committed;
  }

  verify(
    onProgress: (done: number, total: number) => void = () => {},
  ): Promise<{ size: number; rootHash: string }> {
    return verifyLedger(this.#store, this.#committed.size, onProgress);
  }

  /** Writes what is queued and refuses everything later with LEDGER_UNAVAILABLE. */
  async close(): Promise<void> {
    this.#refusal ??= new RefgateError('LEDGER_UNAVAILABLE', 'refgate', 'the ledger is closed');
    await this.#writing;
  }

  async #read(seq: number): Promise<LedgerEvent> {
    const row = await this.#store.get(leafKey(seq));
    if (!row) throw corrupt(seq, 'is missing');
    return parseLeaf(seq, readRow(seq, row).leaf, (digest) => this.#store.get(blobKey(digest)));
  }
}

function misuse(what: string): RefgateError {
  return new RefgateError('INTERNAL', 'refgate', what);
}
