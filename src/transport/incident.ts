import { randomUUID } from 'node:crypto';
import { RefgateError } from '../domain/error.ts';

/**
 * What a client may tell an administrator, who finds it in the log: the id of
 * the session, which the spine put first in the detail of what is not the
 * client's fault; an id of its own where there was no session.
 */
export function incidentOf(error: unknown): string {
  const detail = error instanceof RefgateError && error.blame !== 'client' ? error.detail : undefined;
  return /^session (s-[0-9a-z]+)/.exec(detail ?? '')?.[1] ?? randomUUID();
}
