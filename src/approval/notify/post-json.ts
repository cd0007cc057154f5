import http, { type IncomingMessage } from 'node:http';
import https from 'node:https';
import { type Outcome, withDeadline } from './outcome.ts';
import { oneLine } from './peer-text.ts';

const maxAnswer = 4_096;
const maxRetryAfter = 3_600_000;

export interface Post {
  readonly url: URL;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body: string;
  /** PEM, in place of the system's certificate authorities. */
  readonly ca?: string | undefined;
  /** In ms, for all of it. */
  readonly timeout: number;
  readonly signal: AbortSignal;
}

/**
 * One POST of JSON on a connection of its own. Redirects are not followed, at
 * most 4 KiB of the answer are read, and nothing is thrown.
 */
export async function postJson(post: Post): Promise<Outcome> {
  try {
    return await withDeadline(post.timeout, post.signal, async (signal) => {
      const answer = await send(post, signal);
      const status = answer.statusCode ?? 0;
      const text = await readText(answer);
      return outcomeOf(status, text, answer.headers['retry-after']);
    });
  } catch (error) {
    return { sent: false, text: oneLine(errorText(error), 300) };
  }
}

function errorText(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  // Of several addresses that were tried, Node tells only the code.
  if (error instanceof AggregateError) return error.errors.map(errorText).join('; ');
  return error.message;
}

function send({ url, headers, body, ca }: Post, signal: AbortSignal): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const { request } = url.protocol === 'https:' ? https : http;
    const options = {
      method: 'POST',
      agent: false,
      ...(ca === undefined ? {} : { ca }),
      headers: {
        'content-type': 'application/json',
        'content-length': Buffer.byteLength(body),
        'user-agent': 'refgate',
        ...headers,
      },
    };
    const outgoing = request(url, options, resolve);
    const stop = (): void => void outgoing.destroy(signal.reason);
    signal.addEventListener('abort', stop, { once: true });
    outgoing.on('error', reject);
    outgoing.once('close', () => signal.removeEventListener('abort', stop));
    if (signal.aborted) stop();
    outgoing.end(body);
  });
}

/** How the rest of the answer breaks off adds nothing: the status is known. */
async function readText(answer: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  answer.on('error', () => {});
  try {
    for await (const chunk of answer as AsyncIterable<Buffer>) {
      chunks.push(chunk);
      bytes += chunk.length;
      if (bytes >= maxAnswer) break;
    }
  } catch {
    // What was read is enough.
  }
  answer.destroy();
  return Buffer.concat(chunks).subarray(0, maxAnswer).toString('utf8');
}

function outcomeOf(status: number, text: string, retryAfter: string | undefined): Outcome {
  if (status >= 200 && status < 300) return { sent: true };
  const said = oneLine(text, 200);
  const answered = `it answered ${status}${said === '' ? '' : `: ${said}`}`;
  if (status === 410) return { sent: false, text: `${answered}; it wants no more`, forGood: true };
  if (status >= 300 && status < 400)
    return {
      sent: false,
      text: `it answered ${status}: redirects are not followed; configure the address it leads to`,
    };
  const seconds = /^\d{1,6}$/.test(retryAfter ?? '') ? Number(retryAfter) : 0;
  return { sent: false, text: answered, retryAfter: Math.min(seconds * 1_000, maxRetryAfter) };
}
