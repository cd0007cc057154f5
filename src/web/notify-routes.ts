import type { Request, Router } from 'express';
import { z } from 'zod';
import type { NotifyAdmin } from '../domain/approval.ts';
import { json, read } from './answer.ts';

const retryOrder = z.strictObject({ id: z.string().min(1).max(128).optional() });
const testOrder = z.strictObject({ name: z.string().min(1).max(128) });

/** Who is told of held pushes, how it goes, and what was given up. */
export function notifyRoutes(
  router: Router,
  notify: NotifyAdmin,
  actorOf: (request: Request) => string,
): void {
  router.get(
    '/notify',
    json(() => notify.status()),
  );
  router.get(
    '/notify/dead',
    json(() => notify.dead()),
  );
  router.post(
    '/notify/dead/retry',
    json(async (request) => {
      const { id } = read(retryOrder, request.body ?? {});
      return { retried: await notify.retry(id, actorOf(request)) };
    }),
  );
  router.post(
    '/notify/test',
    json(async (request) => {
      const { name } = read(testOrder, request.body);
      await notify.test(name);
      return { name, sent: true };
    }),
  );
}
