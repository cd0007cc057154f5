import { createHash } from 'node:crypto';
import type { Writable } from 'node:stream';
import { RefgateError } from '../domain/error.ts';
import { parseObjectFormat } from '../git/oid.ts';
import { formatPushCommand } from '../git/push-command.ts';
import type { RelayOperation } from '../upstream/link-job.ts';
import { writeChunk } from '../upstream/link-write.ts';
import type { PushStream, ReceivePack } from './dial/dial.ts';
import { readTips } from './read-tips.ts';

/**
 * How many bytes of the pack stay here until its digest agrees: the whole
 * trailer of either object format, without which receive-pack applies nothing.
 */
const withheldBytes = 32;

/** What we call ourselves to an upstream. */
const agentName = 'refgate';

/** How the upstream's answer goes back to the gateway. */
export interface RelayAnswer {
  /** Called once, before the first byte. */
  begin(sideband: boolean): Writable;
}

/**
 * Hands one decided push to an upstream that was opened for it. Every old oid must be the ref's tip,
 * else TIP_MOVED and nothing is sent; the last bytes of the pack follow only when
 * size and digest are those of the job, else JOB_INVALID and nothing is applied.
 * Gives the fault that stands if the answer holds no whole report.
 * @param gone aborted when the gateway goes away: a push that is not complete
 *   is then broken off, and one that is complete is finished.
 */
export async function relayPush(
  receivePack: ReceivePack,
  operation: RelayOperation,
  pack: AsyncIterable<Buffer>,
  answer: RelayAnswer,
  gone: AbortSignal,
): Promise<RefgateError> {
  const { commands, sideband } = await prepare(receivePack, operation);
  const push = await receivePack.push();
  const breakOff = (): void => receivePack.abort();
  gone.addEventListener('abort', breakOff, { once: true });
  if (gone.aborted) breakOff();
  const answering = passAnswer(push, answer, sideband);
  // Awaited below; a failure in between must not be unhandled.
  answering.catch(() => {});
  const delivery = { complete: false };
  try {
    await deliver(push, commands, operation, pack, delivery);
    gone.removeEventListener('abort', breakOff);
  } catch (error) {
    if (error instanceof RefgateError || gone.aborted) {
      receivePack.abort();
      throw error;
    }
    // The upstream stopped taking bytes; what it says tells why.
  }
  return heard(answering, push, delivery.complete);
}

/** Waits for the end of the answer. Throws only what means that no ref was changed. */
async function heard(answering: Promise<void>, push: PushStream, complete: boolean): Promise<RefgateError> {
  let failure: unknown;
  try {
    await answering;
  } catch (error) {
    failure = error;
  }
  const code = failure instanceof RefgateError ? failure.code : undefined;
  if (
    failure instanceof RefgateError &&
    (!complete || code === 'UPSTREAM_REFUSED' || code === 'REPO_NOT_FOUND')
  ) {
    throw failure;
  }
  const says = push.complaint() || (failure instanceof RefgateError ? failure.detail : undefined);
  if (complete) return new RefgateError('UPSTREAM_LOST', 'upstream', says, { cause: failure });
  const detail = says ?? 'it hung up before it had the whole push';
  return new RefgateError('UPSTREAM_UNREACHABLE', 'upstream', detail, { cause: failure });
}

interface Prepared {
  readonly commands: Buffer;
  readonly sideband: boolean;
}

async function prepare(receivePack: ReceivePack, operation: RelayOperation): Promise<Prepared> {
  try {
    const { tips, capabilities } = await readTips(receivePack.advertisement, operation);
    if (parseObjectFormat(capabilities.get('object-format')) !== operation.objectFormat) {
      throw new RefgateError(
        'UPSTREAM_PROTOCOL',
        'upstream',
        `it is not a ${operation.objectFormat} repository`,
      );
    }
    const commands = formatPushCommand(operation, capabilities, agentName);
    for (const { ref, oldOid } of operation.updates) {
      if (tips.get(ref) !== oldOid) {
        throw new RefgateError('TIP_MOVED', 'client', `${ref}; fetch, and push again`);
      }
    }
    return { commands, sideband: capabilities.has('side-band-64k') };
  } catch (error) {
    receivePack.leave();
    throw error;
  }
}

async function deliver(
  push: PushStream,
  commands: Buffer,
  operation: RelayOperation,
  pack: AsyncIterable<Buffer>,
  delivery: { complete: boolean },
): Promise<void> {
  const { input } = push;
  // Once it has everything the upstream may act, whatever happens to us: set before the last write.
  delivery.complete = operation.pack === undefined;
  await writeChunk(input, commands);
  if (operation.pack) {
    const tail = await sendAllButTail(input, operation.pack, pack);
    delivery.complete = true;
    await writeChunk(input, tail);
  }
  input.end();
}

async function sendAllButTail(
  input: Writable,
  expected: NonNullable<RelayOperation['pack']>,
  pack: AsyncIterable<Buffer>,
): Promise<Buffer> {
  const hash = createHash('sha256');
  let bytes = 0;
  let tail: Buffer = Buffer.alloc(0);
  for await (const chunk of pack) {
    hash.update(chunk);
    bytes += chunk.length;
    if (bytes > expected.bytes)
      throw new RefgateError('JOB_INVALID', 'refgate', 'the pack is longer than the job says');
    // A chunk that holds the withheld bytes stays whole, so that it goes up in one write.
    const ready = chunk.length >= withheldBytes ? tail : Buffer.concat([tail, chunk]);
    const cut = ready === tail ? ready.length : Math.max(0, ready.length - withheldBytes);
    if (cut > 0) await writeChunk(input, ready.subarray(0, cut));
    tail = ready === tail ? chunk : ready.subarray(cut);
  }
  if (bytes !== expected.bytes || hash.digest('hex') !== expected.sha256) {
    throw new RefgateError('JOB_INVALID', 'refgate', 'the pack is not the one that was decided about');
  }
  return tail;
}

/** How much of an answer that nobody listens to is heard for the upstream's sake, in bytes. */
const unheardBytes = 64 * 1024 * 1024;

/** Once the gateway does not listen, the upstream is still heard, so that it finishes. */
async function passAnswer(push: PushStream, answer: RelayAnswer, sideband: boolean): Promise<void> {
  let to: Writable | undefined;
  let listening = true;
  let left = unheardBytes;
  for await (const chunk of push.output) {
    to ??= answer.begin(sideband);
    if (!listening) {
      left -= (chunk as Buffer).length;
      if (left < 0) return;
      continue;
    }
    await writeChunk(to, chunk as Buffer).catch(() => {
      listening = false;
    });
  }
}
