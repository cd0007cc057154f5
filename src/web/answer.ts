import { once } from 'node:events';
import type { Request, RequestHandler, Response } from 'express';
import type { z } from 'zod';
import { RefgateError } from '../domain/error.ts';
import type { Log } from '../domain/log.ts';

/** An Express handler whose answer is the JSON of what `work` gives; undefined becomes `{}`. */
export function json(work: (request: Request) => Promise<unknown> | unknown): RequestHandler {
  return async (request: Request, response: Response) => {
    response.json((await work(request)) ?? {});
  };
}

/** The value in the schema's form. Throws USAGE that names the first thing that is wrong. */
export function read<T>(schema: z.ZodType<T>, value: unknown): T {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  throw new RefgateError('USAGE', 'client', `${issue?.path.join('.') || 'body'}: ${issue?.message}`);
}

/**
 * Answers with newline-separated JSON, as fast as the client reads it. What is
 * thrown on the way becomes a last line `{"error": {code, message}}`; when the client
 * goes away, `lines` is ended.
 */
export async function sendLines(response: Response, log: Log, lines: AsyncIterable<object>): Promise<void> {
  response.type('application/x-ndjson');
  try {
    for await (const line of lines) {
      if (response.destroyed) return;
      if (!response.write(`${JSON.stringify(line)}\n`)) await drained(response);
    }
  } catch (error) {
    if (response.destroyed) return;
    response.write(`${JSON.stringify({ error: toLine(error, log) })}\n`);
  }
  response.end();
}

/** A client that goes away drains nothing any more. */
async function drained(response: Response): Promise<void> {
  const over = new AbortController();
  const { signal } = over;
  const waits = [once(response, 'drain', { signal }), once(response, 'close', { signal })];
  await Promise.race(waits);
  over.abort();
  await Promise.allSettled(waits);
}

function toLine(error: unknown, log: Log): { code: string; message: string } {
  const isOurs = !(error instanceof RefgateError) || error.blame === 'refgate';
  if (isOurs) log.error({ err: error }, 'administrative request failed');
  // What an administrator must know of the ledger is told, although it is nobody's mistake.
  if (error instanceof RefgateError && (!isOurs || error.code === 'LEDGER_CORRUPT'))
    return { code: error.code, message: error.message };
  const code = error instanceof RefgateError ? error.code : 'INTERNAL';
  return { code, message: 'something went wrong inside Refgate; see its log' };
}

/** What may be undefined becomes what may be absent. */
type Defined<T> = { [K in keyof T as undefined extends T[K] ? never : K]: T[K] } & {
  [K in keyof T as undefined extends T[K] ? K : never]?: Exclude<T[K], undefined>;
};

/** The entries that have a value: an absent key and an undefined one are two things to the ports. */
export function definedOnly<T extends object>(value: T): Defined<T> {
  return Object.fromEntries(Object.entries(value).filter(([, entry]) => entry !== undefined)) as Defined<T>;
}
