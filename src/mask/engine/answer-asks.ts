import type { MessagePort } from 'node:worker_threads';
import { RefgateError } from '../../domain/error.ts';
import type { FromViewWorker, ToViewWorker, ViewAsk, ViewCalls } from './messages.ts';
import type { AskContext, RepoViews } from './repo-views.ts';

/** Opens the engine of a repository. */
export type OpenRepo = (repo: ViewAsk['repo']) => Promise<RepoViews>;

/**
 * The far end of a `ViewThread`: opens the engine of a repository with its first question, and lets all that are asked
 * go on side by side. What is not a RefgateError is told as INTERNAL.
 */
export function answerAsks(port: MessagePort, open: OpenRepo): void {
  const engines = new Map<string, Promise<RepoViews>>();
  const running = new Map<number, AbortController>();
  const send = (message: FromViewWorker) => port.postMessage(message);

  const engineOf = (repo: ViewAsk['repo']): Promise<RepoViews> => {
    const known = engines.get(repo.dir);
    if (known !== undefined) return known;
    const opened = open(repo);
    engines.set(repo.dir, opened);
    opened.catch(() => engines.delete(repo.dir));
    return opened;
  };

  const close = async (dir: string): Promise<undefined> => {
    const engine = engines.get(dir);
    engines.delete(dir);
    await (await engine)?.close();
  };

  const work = async (message: Exclude<ToViewWorker, { type: 'abort' }>): Promise<void> => {
    const { id } = message;
    const aborter = new AbortController();
    running.set(id, aborter);
    try {
      const context: AskContext = {
        signal: aborter.signal,
        onProgress: (progress) => send({ type: 'progress', id, progress }),
      };
      const answer =
        message.type === 'close'
          ? await close(message.dir)
          : await answerOne(await engineOf(message.repo), message, context);
      send({ type: 'answer', id, answer });
    } catch (error) {
      send({ type: 'failed', id, ...told(error) });
    } finally {
      running.delete(id);
    }
  };

  port.on('message', (message: ToViewWorker) => {
    if (message.type === 'abort') running.get(message.id)?.abort(new RefgateError('HUNG_UP', 'client'));
    else void work(message);
  });
}

function answerOne(
  engine: RepoViews,
  message: ViewAsk,
  context: AskContext,
): Promise<ViewCalls[ViewAsk['call']]['answer']> {
  context.signal.throwIfAborted();
  switch (message.call) {
    case 'scan':
      return engine.scan(message.ask, context);
    case 'build':
      return engine.build(message.ask, context);
    case 'extend':
      return engine.extend(message.ask, context);
    case 'restore':
      return engine.restore(message.ask, context);
    case 'drop':
      return engine.drop(message.ask.epoch);
    case 'shown':
      return Promise.resolve(engine.shown(message.ask.epoch, message.ask.tokens));
    case 'same':
      return Promise.resolve(engine.same(message.ask.oids));
    case 'cut':
      return engine.cut(message.ask, context);
    case 'check':
      return engine.check();
    case 'find':
      return Promise.resolve(engine.find(message.ask));
  }
}

function told(error: unknown): Pick<RefgateError, 'code' | 'blame' | 'detail'> {
  if (error instanceof RefgateError) return { code: error.code, blame: error.blame, detail: error.detail };
  // Of LevelDB, for a row that was written otherwise.
  if (error instanceof Error && 'code' in error && error.code === 'LEVEL_CORRUPTION')
    return { code: 'VIEW_DAMAGED', blame: 'operator', detail: error.message };
  return {
    code: 'INTERNAL',
    blame: 'refgate',
    detail: error instanceof Error ? error.message : String(error),
  };
}
