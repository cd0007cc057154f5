import type { IncomingMessage } from 'node:http';
import { RefgateError } from '../domain/error.ts';
import { jobLengthDigits, jobLimits, linkHeaders } from '../upstream/link.ts';

export interface JobBody {
  readonly signed: string;
  readonly pack: AsyncIterable<Buffer>;
  /** Gives up the rest of the pack, so that the request can be drained. */
  release(): Promise<unknown>;
}

/**
 * Takes the signed job from the head of a relay's body, and gives the rest of
 * the body, which is the pack. JOB_INVALID when the head is not as announced; HUNG_UP when the gateway goes away.
 */
export async function readJobBody(request: IncomingMessage): Promise<JobBody> {
  const body = bodyOf(request);
  let rest: Buffer = Buffer.alloc(0);
  const take = async (length: number): Promise<string> => {
    const pieces = [rest];
    for (let bytes = rest.length; bytes < length; ) {
      const next = await body.next();
      if (next.done) throw new RefgateError('JOB_INVALID', 'refgate', 'it is shorter than announced');
      pieces.push(next.value);
      bytes += next.value.length;
    }
    const all = Buffer.concat(pieces);
    rest = all.subarray(length);
    return all.toString('latin1', 0, length);
  };
  const inHeader = request.headers[linkHeaders.jobBytes];
  const announced = inHeader === undefined ? hexLength(await take(jobLengthDigits)) : Number(inHeader);
  if (!Number.isSafeInteger(announced) || announced <= 0 || announced > jobLimits.body) {
    throw new RefgateError('JOB_INVALID', 'refgate', 'its size is not announced, or too large');
  }
  return {
    signed: await take(announced),
    pack: following(rest, body),
    // A reader that is left in the middle keeps the stream from flowing.
    release: () => body.return(undefined),
  };
}

function hexLength(digits: string): number {
  return /^[0-9a-f]{8}$/.test(digits) ? Number.parseInt(digits, 16) : Number.NaN;
}

async function* following(first: Buffer, body: AsyncGenerator<Buffer>): AsyncGenerator<Buffer> {
  if (first.length > 0) yield first;
  yield* body;
}

async function* bodyOf(request: IncomingMessage): AsyncGenerator<Buffer> {
  try {
    for await (const chunk of request.iterator({ destroyOnReturn: false })) yield chunk as Buffer;
  } catch (cause) {
    throw new RefgateError('HUNG_UP', 'refgate', 'the gateway went away', { cause });
  }
}
