import { RefgateError } from '../domain/error.ts';
import type { Target } from '../domain/ports.ts';
import type { ChannelResult, GitChannel } from '../domain/session.ts';
import { serveArchive } from './archive.ts';
import { authorize, stillValid, viewOf } from './authorize.ts';
import { asRefgateError, outcomeOfError } from './failures.ts';
import { serveFetch } from './fetch.ts';
import { openSession, type Session, type SpineDeps } from './open.ts';
import { servePush } from './push.ts';
import { ReaderText } from './reader-text.ts';

/**
 * Serves one channel from its first event to its last. What it throws was not
 * told to the client on the Git stream: the door says it in its own dialect.
 * What is not the client's fault carries the session id, which the log and the ledger know, and nothing else.
 */
export function createSpine(deps: SpineDeps): (channel: GitChannel) => Promise<ChannelResult> {
  return async (channel) => {
    const session = await openSession(deps, channel);
    let release: (() => void) | undefined;
    try {
      release = deps.sessionSlots.take(channel.principal.user);
      await stillValid(deps, session);
      const target = authorize(deps, session);
      session.view = viewOf(deps, session, target);
      if (session.view !== undefined) session.reader = new ReaderText(deps.views, session.view);
      const result = await serveService(deps, session, target);
      await close(session);
      return { ...result, outcome: session.outcome ?? 'ok' };
    } catch (error) {
      const known = asRefgateError(error);
      logFailure(deps, session, known);
      session.outcome ??= outcomeOfError(known);
      session.failure = known;
      await closeFailed(deps, session);
      // The client keeps the answer that it has.
      if (session.isAnswered)
        return { exitStatus: session.outcome === 'ok' ? 0 : 1, outcome: session.outcome };
      throw await forClient(session, known);
    } finally {
      release?.();
    }
  };
}

function serveService(deps: SpineDeps, session: Session, target: Target): Promise<ChannelResult> {
  const { service } = session.channel;
  if (service === 'upload-pack') return serveFetch(deps, session, target);
  return service === 'receive-pack' ? servePush(deps, session, target) : serveArchive(deps, session, target);
}

/** What cannot be recorded of the end is settled by the next start. */
async function closeFailed(deps: SpineDeps, session: Session): Promise<void> {
  await close(session).catch((error: unknown) => {
    deps.log.error({ session: session.id, err: error }, 'session not closed in the ledger');
  });
}

/** What a client did wrong is no fault of the program: its place there tells nothing. */
function logFailure(deps: SpineDeps, { id }: Session, error: RefgateError): void {
  if (error.blame === 'refgate') deps.log.error({ session: id, err: error }, 'session failed');
  else if (error.blame === 'client')
    deps.log.info({ session: id, code: error.code, reason: error.message }, 'session refused');
  else deps.log.info({ session: id, err: error }, 'session failed');
}

async function close(session: Session): Promise<void> {
  const { failure } = session;
  await session.end({
    outcome: session.outcome ?? 'ok',
    ...(failure === undefined ? {} : { code: failure.code }),
    ...(failure?.detail === undefined ? {} : { detail: failure.detail.slice(0, 2_000) }),
    bytesIn: session.bytesIn,
    bytesOut: session.out.bytesWritten,
  });
}

async function forClient(session: Session, error: RefgateError): Promise<RefgateError> {
  // An upstream's own "not found" must not be told from ours.
  if (error.code === 'REPO_NOT_FOUND') {
    return new RefgateError('REPO_NOT_FOUND', 'client', session.channel.repo, { cause: error });
  }
  if (error.code === 'VIEW_NOT_READY' || error.blame === 'client') {
    if (error.detail === undefined || (session.reader?.isOwn(error) ?? true)) return error;
    const { code, blame, retryAfter } = error;
    return new RefgateError(code, blame, await session.textFor(error.detail), { cause: error, retryAfter });
  }
  return new RefgateError(error.code, error.blame, `session ${session.id}`, { cause: error });
}
