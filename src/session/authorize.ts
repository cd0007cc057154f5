import { RefgateError } from '../domain/error.ts';
import type { ViewKey } from '../domain/mask.ts';
import type { Target } from '../domain/ports.ts';
import type { Session, SpineDeps } from './open.ts';

/**
 * Refuses a principal whose user, key or token has ended, or whose groups have changed, since it logged in: a
 * connection, and a session on it, may last for hours. @throws AUTHENTICATION_FAILED
 */
export async function stillValid(
  deps: Pick<SpineDeps, 'authenticator'>,
  { channel }: { readonly channel: Pick<Session['channel'], 'principal'> },
): Promise<void> {
  if (await deps.authenticator.stillValid(channel.principal)) return;
  throw new RefgateError(
    'AUTHENTICATION_FAILED',
    'client',
    'your groups changed, or your key, token or account was ended',
  );
}

/**
 * The target of the session's repository, if the policy grants the service on
 * it. Who may not read it hears the same as for a repository that is not there,
 * and the upstream is asked only afterwards, so that time tells nothing either.
 * @throws REPO_NOT_FOUND, ACCESS_DENIED
 */
export function authorize(deps: SpineDeps, session: Session): Target {
  const { principal, repo, service } = session.channel;
  const policy = deps.policy();
  const mayRead = policy.may(principal, repo, 'read');
  const mayWrite = policy.may(principal, repo, 'write');
  const target = deps.mapRepo(repo);
  if (target === undefined || (!mayRead && !mayWrite))
    throw new RefgateError('REPO_NOT_FOUND', 'client', repo);
  if (service === 'receive-pack' ? mayWrite : mayRead) return target;
  const granted = mayRead ? 'you may read it, not push to it' : 'you may push to it, not read it';
  throw new RefgateError('ACCESS_DENIED', 'client', `${repo}: ${granted}; ask who keeps the policy`);
}

/** What the session's principal sees of the repository by the policy in force; undefined where that is the repository itself. */
export function viewOf(deps: SpineDeps, { channel }: Session, target: Target): ViewKey | undefined {
  const { principal, repo } = channel;
  const mode = deps.policy().readMode(principal, repo);
  return mode === 'clear' ? undefined : { repo, target, mode };
}

/** Refuses a session that goes on after the policy changed how its principal reads. @throws CONFLICT */
export function sameView(deps: SpineDeps, session: Session, target: Target): void {
  if (viewOf(deps, session, target)?.mode === session.view?.mode) return;
  throw new RefgateError('CONFLICT', 'client', 'the policy changed how you read this repository; try again');
}
