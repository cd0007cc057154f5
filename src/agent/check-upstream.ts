import { Duplex } from 'node:stream';
import { type ErrorCode, RefgateError } from '../domain/error.ts';
import { PktReader, pktText } from '../git/pkt-line.ts';
import type { CheckStep } from '../upstream/link.ts';
import type { Dial } from './dial/dial.ts';

type StepName = CheckStep['name'];

const order: readonly StepName[] = [
  'reachable',
  'host-key',
  'credential',
  'repository',
  'protocol-v2',
  'filter',
  'push',
];

/** Which step an error speaks of. Everything before it in the order has passed. */
const stepOf: Partial<Record<ErrorCode, StepName>> = {
  UPSTREAM_UNREACHABLE: 'reachable',
  UPSTREAM_TIMEOUT: 'reachable',
  UPSTREAM_HOST_KEY: 'host-key',
  CREDENTIAL_MISSING: 'credential',
  UPSTREAM_REFUSED: 'credential',
  REPO_NOT_FOUND: 'repository',
  REPO_PATH_INVALID: 'repository',
  UPSTREAM_PROTOCOL: 'protocol-v2',
};

/** Tries everything that can be tried without changing anything, in the order in which it can fail. Never throws. */
export async function checkUpstream(dial: Dial, path: string): Promise<readonly CheckStep[]> {
  const signal = new AbortController().signal;
  try {
    const capabilities = await readCapabilities(dial, path, signal);
    const steps = passedUntil('filter', dial);
    const filter = capabilities.some((line) => /^fetch=(.* )?filter( |$)/.test(line));
    steps.push(
      filter
        ? { name: 'filter', outcome: 'ok', text: 'partial clones are served' }
        : {
            name: 'filter',
            outcome: 'failed',
            text: 'fast-forward checks need filters; set uploadpack.allowFilter there',
          },
    );
    return [...steps, await checkPush(dial, path, signal)];
  } catch (error) {
    return failedAt(error, dial);
  }
}

async function readCapabilities(dial: Dial, path: string, signal: AbortSignal): Promise<string[]> {
  const service = await dial.uploadPack(path, { advertised: true, signal });
  const { near, far } = duplexPair();
  const conversation = service.converse(far, (fault) => far.destroy(fault));
  conversation.catch(() => {});
  try {
    const reader = new PktReader(near, 'upstream');
    const lines: string[] = [];
    for await (const batch of reader.batches())
      lines.push(...batch.map((payload) => pktText(payload, 'upstream')));
    if (lines[0] !== 'version 2')
      throw new RefgateError('UPSTREAM_PROTOCOL', 'upstream', 'it does not speak protocol v2');
    return lines;
  } finally {
    service.abort();
    near.destroy();
    far.destroy();
  }
}

async function checkPush(dial: Dial, path: string, signal: AbortSignal): Promise<CheckStep> {
  try {
    const receivePack = await dial.receivePack(path, { signal });
    receivePack.abort();
    return { name: 'push', outcome: 'ok', text: 'the credential may push' };
  } catch (error) {
    return { name: 'push', outcome: 'failed', text: textOf(error) };
  }
}

function passedUntil(name: StepName, dial: Dial): CheckStep[] {
  return order.slice(0, order.indexOf(name)).map((step) => {
    if ((dial.without as readonly string[]).includes(step)) {
      return { name: step, outcome: 'skipped', text: 'not needed for this upstream' };
    }
    return { name: step, outcome: 'ok', text: 'ok' };
  });
}

function failedAt(error: unknown, dial: Dial): readonly CheckStep[] {
  const name = (error instanceof RefgateError ? stepOf[error.code] : undefined) ?? 'reachable';
  // Without a credential nothing is dialled, so nothing is known of the steps before.
  const dialled = !(error instanceof RefgateError && error.code === 'CREDENTIAL_MISSING');
  const before: CheckStep[] = dialled
    ? passedUntil(name, dial)
    : order
        .slice(0, order.indexOf(name))
        .map((step) => ({ name: step, outcome: 'skipped', text: 'not tried' }));
  const after = order.slice(order.indexOf(name) + 1);
  return [
    ...before,
    { name, outcome: 'failed', text: textOf(error) },
    ...after.map((step): CheckStep => ({ name: step, outcome: 'skipped', text: 'not tried' })),
  ];
}

function textOf(error: unknown): string {
  return error instanceof RefgateError
    ? error.message
    : 'something went wrong inside Refgate; the log of the agent says what';
}

/** Two ends of one pipe: what is written to one is read from the other. */
function duplexPair(): { near: Duplex; far: Duplex } {
  const ends: Duplex[] = [];
  const end = (other: 0 | 1): Duplex =>
    new Duplex({
      read() {},
      write(chunk: Buffer, _encoding, callback) {
        ends[other]?.push(chunk);
        callback();
      },
      final(callback) {
        ends[other]?.push(null);
        callback();
      },
    });
  const near = end(1);
  const far = end(0);
  ends.push(near, far);
  for (const side of ends) side.on('error', () => {});
  return { near, far };
}
