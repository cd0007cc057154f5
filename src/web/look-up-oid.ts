import { RefgateError } from '../domain/error.ts';
import type { OidTranslation } from '../domain/mask.ts';
import type { Principal } from '../domain/session.ts';
import { seesAll, type Viewer } from './viewer.ts';
import type { WebPorts } from './web-ports.ts';

type Ports = Pick<WebPorts, 'mask' | 'readModeOf' | 'log'>;

const oidForm = /^[0-9a-f]{7,64}$/;

/**
 * What an oid, or the beginning of one, is on the other side. Who does not see everything is told of repositories alone
 * that they read in clear; of any other they hear the same as of an oid that nobody knows. @throws USAGE, NOT_FOUND
 */
export async function lookUpOid(
  ports: Ports,
  caller: Viewer | 'operator',
  id: string,
  repo: string | undefined,
): Promise<readonly OidTranslation[]> {
  const digits = id.trim().toLowerCase();
  if (!oidForm.test(digits))
    throw new RefgateError('USAGE', 'client', 'an oid is 7 to 64 hex digits; copy it from git log');
  const mayAsk = (name: string): boolean =>
    caller === 'operator' || seesAll(caller) || readsInClear(ports, caller.principal, name);
  const isAsked = repo === undefined || mayAsk(repo);
  const all = isAsked ? await ports.mask.oid(digits, repo) : [];
  const found = all.filter((one) => mayAsk(one.repo));
  if (found.length > 0) return found;
  const where = repo === undefined ? 'in no repository' : `not in ${repo}`;
  throw new RefgateError(
    'NOT_FOUND',
    'client',
    `${digits} has another oid ${where}, as far as you may know; what a view does not change has the same oid on both sides`,
  );
}

/** Whether this principal may read the repository, and as the upstream has it. A policy that fails lets nobody. */
export function readsInClear(
  { readModeOf, log }: Pick<WebPorts, 'readModeOf' | 'log'>,
  principal: Principal,
  repo: string,
): boolean {
  try {
    return readModeOf(principal, repo) === 'clear';
  } catch (err) {
    log.error({ err, repo }, 'read mode not known');
    return false;
  }
}
