import type { Request, Router } from 'express';
import { z } from 'zod';
import type { BaselineAdmin } from '../domain/admin.ts';
import type { Log } from '../domain/log.ts';
import { json, read, sendLines } from './answer.ts';

const repo = z.string().min(1).max(512);
const scanOrder = z.strictObject({ repo, accept: z.strictObject({ reason: z.string() }).optional() });
const reason = z.string().trim().min(3, 'say in a few words why these are accepted').max(512);
const oldSecret = z.strictObject({ repo, fingerprint: z.string().min(1).max(128) });

/** The secrets that are accepted for a repository. */
export function baselineRoutes(
  router: Router,
  { baselines, log }: { readonly baselines: BaselineAdmin; readonly log: Log },
  actor: (request: Request) => string,
): void {
  router.get(
    '/baseline',
    json((request) => baselines.list(read(repo, request.query['repo']))),
  );
  router.delete(
    '/baseline',
    json((request) => {
      const old = read(oldSecret, request.body);
      return baselines.remove(old.repo, old.fingerprint, actor(request));
    }),
  );
  // Newline-separated JSON: progress while it works, then each secret, then what was done or the error.
  router.post('/baseline/scan', async (request, response) => {
    const order = read(scanOrder, request.body);
    const why = order.accept && read(reason, order.accept.reason);
    const gone = new AbortController();
    response.once('close', () => gone.abort());
    const tell = (text: string): void => void response.write(`${JSON.stringify({ progress: text })}\n`);
    response.type('application/x-ndjson');
    await sendLines(
      response,
      log,
      scanLines(baselines, order.repo, why, { signal: gone.signal, actor: actor(request), tell }),
    );
  });
}

async function* scanLines(
  baselines: BaselineAdmin,
  name: string,
  why: string | undefined,
  by: { readonly signal: AbortSignal; readonly actor: string; readonly tell: (text: string) => void },
): AsyncGenerator<object> {
  const { secrets, ...rest } = await baselines.scan(name, by.signal, by.tell);
  for (const secret of secrets) yield { secret };
  if (why === undefined) yield { done: { ...rest, count: secrets.length } };
  else {
    const added = await baselines.accept(name, secrets, why, by.actor);
    yield { done: { ...rest, count: secrets.length, added } };
  }
}
