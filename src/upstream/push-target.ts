import type { ClientRequest, IncomingMessage } from 'node:http';
import { RefgateError } from '../domain/error.ts';
import type { PushAdvertisement, PushTarget, RelayOrder, RelayResult, Target } from '../domain/ports.ts';
import { pushCapabilities, readAdvertisement } from '../git/advertisement.ts';
import { PktReader } from '../git/pkt-line.ts';
import { Delivery } from './delivery.ts';
import { withIdleLimit } from './idle-reader.ts';
import { jobLengthDigits, linkHeaders, linkPaths, parseFault } from './link.ts';
import { faultOf, type LinkClient, responseTo } from './link-client.ts';
import type { RelayOperation } from './link-job.ts';
import { readRelayAnswer } from './read-relay-answer.ts';

/** How much of an answer is still read after it made no sense, for the agent's word at its end; in bytes. */
const afterNonsense = 1024 * 1024;

/** The write port over the agent link. */
export class AgentPushTarget implements PushTarget {
  readonly #link: LinkClient;
  readonly #target: Target;
  readonly #open = new Set<{ destroy(): unknown }>();
  #ahead: BegunRelay | undefined;

  constructor(link: LinkClient, target: Target) {
    this.#link = link;
    this.#target = target;
  }

  async advertise(): Promise<PushAdvertisement> {
    const { upstream, path } = this.#target;
    const response = await this.#link.get(linkPaths.advertisement, { op: 'advertisement', upstream, path });
    this.#open.add(response);
    const limited = withIdleLimit(response, this.#link.timeouts.idle, () => response.destroy());
    const advertisement = await readAdvertisement(new PktReader(limited, 'upstream'));
    return { capabilities: pushCapabilities(advertisement), refs: advertisement.refs };
  }

  prepare(session: string): void {
    const { upstream, path } = this.#target;
    const job = this.#link.sign({ op: 'prepare', upstream, path, session });
    const request = this.#link.start('POST', linkPaths.relay, { [linkHeaders.job]: job });
    request.flushHeaders();
    this.#ahead = { request, answered: responseTo(request) };
    const over = (): void => {
      if (this.#ahead?.request === request) this.#ahead = undefined;
    };
    // An agent that has gone, or says no already, is asked anew.
    this.#ahead.answered.then(over, over);
    this.#open.add(request);
  }

  async relay(order: RelayOrder, onMessage: (band2: Buffer) => void | Promise<void>): Promise<RelayResult> {
    const job = Buffer.from(this.#link.sign(operationOf(this.#target, order)));
    const ahead = this.#ahead;
    this.#ahead = undefined;
    const { request, answered } = ahead ?? this.#begin(job.length + (order.pack?.bytes ?? 0), job.length);
    const delivery = new Delivery(request, this.#link.timeouts.idle);
    const head = ahead === undefined ? job : Buffer.concat([jobLength(job), job]);
    const sent = delivery.send(head, order.pack);
    let heard: Heard;
    try {
      heard = await hear(await answered, delivery, order, onMessage);
    } catch (error) {
      throw delivery.broken(error);
    } finally {
      this.#open.delete(request);
      request.destroy();
      await sent;
    }
    if ('fault' in heard) throw heard.fault;
    return heard.result;
  }

  #begin(bytes: number, jobBytes: number): BegunRelay {
    const request = this.#link.start('POST', linkPaths.relay, {
      [linkHeaders.jobBytes]: String(jobBytes),
      'content-length': String(bytes),
    });
    this.#open.add(request);
    return { request, answered: responseTo(request) };
  }

  close(): void {
    for (const open of this.#open) open.destroy();
  }
}

interface BegunRelay {
  readonly request: ClientRequest;
  readonly answered: Promise<IncomingMessage>;
}

function jobLength(job: Buffer): Buffer {
  return Buffer.from(job.length.toString(16).padStart(jobLengthDigits, '0'));
}

/** What the agent said of a push, in either way. */
type Heard = { readonly result: RelayResult } | { readonly fault: RefgateError };

/** Throws when the agent went away before it said how the push ended. */
async function hear(
  response: IncomingMessage,
  delivery: Delivery,
  order: RelayOrder,
  onMessage: (band2: Buffer) => void | Promise<void>,
): Promise<Heard> {
  if (response.statusCode !== 200) return { fault: await faultOf(response) };
  const sideband = response.headers[linkHeaders.sideband] === 'yes';
  const refs = order.updates.map(({ ref }) => ref);
  const chunks = delivery.watched(response);
  try {
    return { result: await readRelayAnswer(chunks, sideband, refs, onMessage) };
  } catch (cause) {
    let left = afterNonsense;
    for await (const chunk of chunks) {
      left -= chunk.length;
      if (left < 0) throw cause;
    }
    const said = response.trailers[linkHeaders.outcome];
    if (said === undefined) throw cause;
    // The agent knows whether the upstream may have acted; the answer says why.
    const { code, blame, detail } = parseFault(said);
    const words = detail ?? (cause instanceof RefgateError ? cause.message : undefined);
    return { fault: new RefgateError(code, blame, words, { cause }) };
  }
}

function operationOf({ upstream, path }: Target, order: RelayOrder): RelayOperation {
  const { session, updates, pushOptions, atomic, quiet, objectFormat, pack } = order;
  return {
    op: 'relay',
    ...{ upstream, path, session },
    updates: updates.map(({ ref, oldOid, newOid }) => ({ ref, oldOid, newOid })),
    pushOptions: [...pushOptions],
    ...{ atomic, quiet, objectFormat },
    ...(pack ? { pack: { bytes: pack.bytes, sha256: pack.sha256 } } : {}),
  };
}
