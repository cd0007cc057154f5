import { RefgateError } from '../domain/error.ts';
import type { Target } from '../domain/ports.ts';
import type { ChannelResult } from '../domain/session.ts';
import { readArchiveRequest } from '../git/archive-request.ts';
import { encodePkt, PktReader } from '../git/pkt-line.ts';
import { cleanLine } from '../git/text.ts';
import { asRefgateError } from './failures.ts';
import type { Session, SpineDeps } from './open.ts';

const limits = { lines: 100, bytes: 256 * 1024 };

/** One `git archive --remote` of somebody who reads a view; who reads in clear clones instead. @throws SERVICE_UNSUPPORTED */
export async function serveArchive(
  deps: Pick<SpineDeps, 'views'>,
  session: Session,
  target: Target,
): Promise<ChannelResult> {
  const { channel, view } = session;
  if (view === undefined || channel.mode !== 'stateful')
    throw new RefgateError(
      'SERVICE_UNSUPPORTED',
      'client',
      'git archive --remote is not served; clone the repository instead',
    );
  const reader = new PktReader(channel.input, 'client');
  try {
    const args = [...(await readArchiveRequest(reader, limits))];
    await session.record('archive.requested', {
      target: `${target.upstream}:${target.path}`,
      view: view.mode,
      args,
    });
    await session.out.writeAll(await deps.views.archive(view, args, channel.signal));
    session.recordAtEnd('archive.served', { bytes: session.out.bytesWritten });
    return { exitStatus: 0 };
  } catch (error) {
    await refuseInProtocol(session, asRefgateError(error));
    throw error;
  } finally {
    session.bytesIn = reader.bytesRead;
  }
}

/** git waits for one line, which says whether there is an archive to come. Once it is on its way, it just ends. */
async function refuseInProtocol(session: Session, error: RefgateError): Promise<void> {
  const isTold = error.blame === 'client' || error.code === 'VIEW_NOT_READY';
  if (session.out.bytesWritten > 0 || !isTold || error.code === 'HUNG_UP') return;
  try {
    const text = session.reader?.isOwn(error) ? error.message : await session.textFor(error.message);
    await session.out.write(encodePkt(`NACK ${cleanLine(text, 900)}\n`));
    session.isAnswered = true;
  } catch {
    // Nobody is there to hear it.
  }
}
