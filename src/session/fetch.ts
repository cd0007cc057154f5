import { errorCodes, RefgateError } from '../domain/error.ts';
import type { FetchSource, Target } from '../domain/ports.ts';
import type { ChannelResult } from '../domain/session.ts';
import { PktReader } from '../git/pkt-line.ts';
import { cleanLine } from '../git/text.ts';
import { errPkt } from '../git/v2-response.ts';
import { authorize, sameView, stillValid } from './authorize.ts';
import { asRefgateError } from './failures.ts';
import { serveV0 } from './fetch-v0.ts';
import { serveV2 } from './fetch-v2.ts';
import type { FetchWork } from './fetch-work.ts';
import type { Session, SpineDeps } from './open.ts';

/** Longest line of a request that is worth reading, with its framing: a want is 50 bytes. */
const bytesPerLine = 100;

/** One clone, fetch or ls-remote: the client's dialect outside, protocol v2 inside. */
export async function serveFetch(deps: SpineDeps, session: Session, target: Target): Promise<ChannelResult> {
  const { channel } = session;
  const reader = new PktReader(channel.input, 'client');
  const lines = deps.limits.fetchLines;
  const { view } = session;
  const sourceOf = (options?: Parameters<FetchWork['renewSource']>[0]): FetchSource =>
    view === undefined ? deps.upstreams.fetchSource(target, options) : deps.views.source(view);
  const work: FetchWork = {
    session,
    source: sourceOf(),
    renewSource(options) {
      work.source.close();
      work.source = sourceOf(options);
    },
    async checkAgain() {
      await stillValid(deps, session);
      authorize(deps, session);
      sameView(deps, session, target);
    },
    reader,
    target: `${target.upstream}:${target.path}`,
    limits: { lines, bytes: lines * bytesPerLine },
    served: { refs: 0, pack: false },
    inSideband: false,
  };
  // A source that answers slowly, or without end, is not waited for on behalf of nobody.
  const leave = (): void => work.source.close();
  channel.signal.addEventListener('abort', leave, { once: true });
  try {
    await (channel.version === 2 ? serveV2(work) : serveV0(work, channel.version));
    session.recordAtEnd('fetch.served', { bytes: session.out.bytesWritten, ...work.served });
    return { exitStatus: 0 };
  } catch (thrown) {
    const error = channel.signal.aborted ? reasonOf(channel.signal, thrown) : thrown;
    // A read changes nothing, so nothing of it is unknown.
    if (asRefgateError(error).code === 'UPSTREAM_LOST') session.outcome = 'failed';
    await refuseInProtocol(work, error);
    throw error;
  } finally {
    channel.signal.removeEventListener('abort', leave);
    session.bytesIn = reader.bytesRead;
    work.source.close();
  }
}

/** Why the client is gone; what broke after that is its consequence. */
function reasonOf({ reason }: AbortSignal, cause: unknown): RefgateError {
  return reason instanceof RefgateError
    ? reason
    : new RefgateError('HUNG_UP', 'client', undefined, { cause });
}

/**
 * Once bytes have gone out the door cannot speak any more: the client waits for
 * a pkt-line, and gets an ERR one. So does the second half of smart HTTP when the
 * upstream fails or a view does not show what is asked for, for git shows no more of a status than its number. Inside
 * sidebands the stream just ends.
 */
async function refuseInProtocol(work: FetchWork, error: unknown): Promise<void> {
  const { session } = work;
  const known = asRefgateError(error);
  const begun = session.out.bytesWritten > 0;
  const isTold = known.blame === 'upstream' || known.blame === 'operator' || known.code === 'VIEW_REFUSED';
  if (!begun && !(isTold && session.channel.mode === 'rpc')) return;
  if (work.inSideband || known.code === 'HUNG_UP') return;
  try {
    const said = textFor(known, session.id);
    const text = session.reader?.isOwn(known) ? said : await session.textFor(said);
    await session.out.write(errPkt(cleanLine(text, 900)));
    session.isAnswered = true;
  } catch {
    // Nobody is there to hear it.
  }
}

/** What the client may know: as the doors say it, and an upstream's refusal in its own words. */
function textFor(error: RefgateError, id: string): string {
  if (error.code === 'REPO_NOT_FOUND')
    return `${errorCodes.REPO_NOT_FOUND}; check the URL, or ask for access`;
  if (error.blame === 'client' || error.code === 'VIEW_NOT_READY') return error.message;
  if (error.blame === 'refgate') return `something went wrong inside Refgate; tell your administrator ${id}`;
  if (error.code === 'UPSTREAM_REFUSED' && error.blame === 'upstream') return error.message;
  return `${errorCodes[error.code]}; try again, or tell your administrator ${id}`;
}
