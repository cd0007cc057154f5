import { once } from 'node:events';
import type { Request, Router } from 'express';
import { z } from 'zod';
import { RefgateError } from '../domain/error.ts';
import type { MaskAdmin, MaskPreview, MaskProgress } from '../domain/mask.ts';
import { definedOnly, json, read, sendLines } from './answer.ts';
import { actorOf, type CallerOf } from './api-needs.ts';
import { lookUpOid } from './look-up-oid.ts';
import { previewSentence } from './mask-words.ts';
import type { WebPorts } from './web-ports.ts';

const repo = z
  .string()
  .min(1)
  .max(512)
  .transform((name) => name.replace(/\.git$/, ''));
const named = z.strictObject({ repo });
const fingerprint = z.string().min(1).max(128);
const reason = z.string().trim().min(3, 'say in a few words why it is shown in clear').max(512);
const allowOrder = z.strictObject({ fingerprint, repo: repo.optional(), reason });
const disallowOrder = z.strictObject({ fingerprint, repo: repo.optional() });
const oidQuery = z.strictObject({ repo: repo.optional() });

/** What changes how far the masking of one repository is. */
const changes = ['enable', 'disable', 'rebuild', 'stop', 'resume'] as const;

/** Masked views as administrators handle them, and what an oid is on the other side. */
export function maskRoutes(
  router: Router,
  ports: Pick<WebPorts, 'mask' | 'readModeOf' | 'log'>,
  callerOf: CallerOf,
): void {
  const { mask } = ports;
  const actor = (request: Request): string => actorOf(callerOf(request));
  router.get(
    '/mask',
    json(() => mask.list()),
  );
  router.get(
    '/mask/status',
    json((request) => mask.status(read(named, request.query).repo)),
  );
  router.get(
    '/mask/preview',
    json(async (request) => {
      const { repo: name } = read(named, request.query);
      const last = await mask.lastPreview(name);
      if (last === undefined)
        throw new RefgateError('NOT_FOUND', 'client', `${name} was not looked at yet; preview it first`);
      return told(last);
    }),
  );
  // Newline-separated JSON: progress while it works, then the preview or the error.
  router.post('/mask/preview', async (request, response) => {
    const { repo: name } = read(named, request.body);
    const gone = new AbortController();
    response.once('close', () => gone.abort());
    await sendLines(response, ports.log, previewLines(mask, name, gone.signal));
  });
  router.get(
    '/mask/allowed',
    json(() => mask.allowed()),
  );
  router.post(
    '/mask/allowed',
    json((request) => mask.allow(definedOnly(read(allowOrder, request.body)), actor(request))),
  );
  router.delete(
    '/mask/allowed',
    json((request) => mask.disallow(definedOnly(read(disallowOrder, request.body)), actor(request))),
  );
  for (const change of changes)
    router.post(
      `/mask/${change}`,
      json((request) => mask[change](read(named, request.body).repo, actor(request))),
    );
  router.get(
    '/oid/:id',
    json((request) => {
      const { repo: name } = read(oidQuery, request.query);
      return lookUpOid(ports, callerOf(request), String(request.params['id']), name);
    }),
  );
}

/** A preview with the sentence that says what it comes to. */
function told(preview: MaskPreview): MaskPreview & { readonly says: string } {
  return { says: previewSentence(preview), ...preview };
}

/** The last progress is told, and not each: who reads slowly is not told of what is long over. */
async function* previewLines(mask: MaskAdmin, name: string, signal: AbortSignal): AsyncGenerator<object> {
  const news = new EventTarget();
  let latest: MaskProgress | undefined;
  let isOver = false;
  const previewed = mask
    .preview(name, signal, (progress) => {
      latest = progress;
      news.dispatchEvent(new Event('told'));
    })
    .finally(() => {
      isOver = true;
      news.dispatchEvent(new Event('told'));
    });
  previewed.catch(() => {});
  while (!isOver) {
    if (latest === undefined) await once(news, 'told');
    const progress = latest;
    latest = undefined;
    if (progress !== undefined) yield { progress };
  }
  yield { preview: told(await previewed) };
}
