import { RefgateError } from '../../domain/error.ts';
import { formatArchiveRequest } from '../../git/archive-request.ts';
import { spawnGit } from '../objects/git-child.ts';
import type { Readers } from './readers.ts';
import { archiveEnvironment, stopService } from './service.ts';
import { checkSelfContained } from './view-source.ts';

export interface ArchiveOrder {
  /** A bare repository whose every object may be read. */
  readonly gitDir: string;
  /** As `readArchiveRequest` lets them pass. */
  readonly args: readonly string[];
  readonly signal: AbortSignal;
  /** Where it is counted as a reader of the folder until the answer has ended. */
  readonly readers?: Readers;
}

/**
 * The answer of `git upload-archive` on a repository of this disk, pkt-lines with sidebands. Only what refs name is
 * given. It must be read to its end, or left early, or the signal aborted. When the archive fails, git has said why in
 * the answer, which then ends with VIEW_REFUSED (client).
 */
export function archiveView({ gitDir, args, signal, readers }: ArchiveOrder): AsyncIterable<Buffer> {
  checkSelfContained(gitDir);
  signal.throwIfAborted();
  const child = spawnGit(gitDir, ['upload-archive', gitDir], { env: archiveEnvironment });
  const leave = readers?.enter(gitDir) ?? (() => {});
  const stop = (): void => void stopService(child);
  signal.addEventListener('abort', stop, { once: true });
  void child.ended
    .catch(() => {})
    .finally(() => {
      signal.removeEventListener('abort', stop);
      leave();
    });
  child.process.stdin.end(formatArchiveRequest(args));
  return read();

  async function* read(): AsyncGenerator<Buffer> {
    try {
      for await (const piece of child.process.stdout) yield piece as Buffer;
      await child.ended.catch((cause: unknown) => {
        throw new RefgateError('VIEW_REFUSED', 'client', 'git archive gave no archive', { cause });
      });
    } catch (error) {
      throw signal.aborted ? new RefgateError('HUNG_UP', 'client', undefined, { cause: error }) : error;
    } finally {
      await stopService(child);
    }
  }
}
