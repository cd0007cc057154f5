/**
 * `refgate serve` whose ledger fails on purpose. REFGATE_FAIL names an event
 * and what happens at it, such as `push.decided kill-before`:
 *   refuse       the write fails, and nothing is on disk
 *   refuse-late  the write fails, and the event is on disk all the same
 *   dead         this and every later event of the session is refused
 *   kill-before  the process is killed before the event is written
 *   kill-after   the process is killed once the event is on disk
 *   wait         the event waits until the file named by `file=` is there; it makes FILE.here meanwhile
 * Further words say when: `repo=acme/web` in sessions of this repository only,
 * `mode=rpc` in sessions of this mode only, `of=push.requested` only once the
 * session has had this event. Several are parted by `;`.
 */
import { once } from 'node:events';
import { existsSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { loadConfig } from '../../src/app/config.ts';
import { startServer } from '../../src/app/serve.ts';
import { RefgateError } from '../../src/domain/error.ts';
import type { EventCode, EventPayloads, Recorder } from '../../src/domain/record.ts';

interface Failure {
  readonly event: string;
  readonly how: string;
  readonly repo: string | undefined;
  readonly mode: string | undefined;
  readonly of: string | undefined;
  readonly file: string;
}

const failures = (process.env['REFGATE_FAIL'] ?? '').split(';').map(readFailure);

function readFailure(text: string): Failure {
  const [event = '', how = '', ...rest] = text.trim().split(' ');
  const words = new Map(rest.map((word) => word.split('=') as [string, string]));
  const [repo, mode, of] = [words.get('repo'), words.get('mode'), words.get('of')];
  return { event, how, repo, mode, of, file: words.get('file') ?? '' };
}

/** What a session has had so far; only the sessions of this process. */
interface Seen {
  readonly repo: string;
  readonly mode: string;
  readonly codes: Set<string>;
  isDead: boolean;
}

const seen = new Map<string, Seen>();

function note<C extends EventCode>(code: C, data: EventPayloads[C], session: string | undefined): void {
  if (session === undefined) return;
  const { repo, mode } = { repo: '', mode: '', ...data };
  if (!seen.has(session)) seen.set(session, { repo, mode, codes: new Set(), isDead: false });
  seen.get(session)?.codes.add(code);
}

function failureAt(code: EventCode, session: string | undefined): Failure | undefined {
  const past = seen.get(session ?? '');
  return failures.find(
    ({ event, repo, mode, of }) =>
      event === code &&
      (mode === undefined || mode === past?.mode) &&
      (repo === undefined || repo === past?.repo) &&
      (of === undefined || past?.codes.has(of) === true),
  );
}

function failAt(recorder: Recorder): Recorder {
  return {
    async append(code, data, context) {
      note(code, data, context.session);
      const session = seen.get(context.session ?? '');
      const failure = failureAt(code, context.session);
      if (session !== undefined && failure?.how === 'dead') session.isDead = true;
      if (session?.isDead === true) throw new RefgateError('LEDGER_UNAVAILABLE', 'refgate');
      switch (failure?.how) {
        case 'kill-before':
          process.kill(process.pid, 'SIGKILL');
          return new Promise(() => {});
        case 'refuse':
          throw new RefgateError('LEDGER_UNAVAILABLE', 'refgate');
        case 'wait':
          await waitFor(failure.file);
      }
      const event = await recorder.append(code, data, context);
      if (failure?.how === 'kill-after') {
        process.kill(process.pid, 'SIGKILL');
        return new Promise(() => {});
      }
      if (failure?.how === 'refuse-late') throw new RefgateError('LEDGER_UNAVAILABLE', 'refgate');
      return event;
    },
  };
}

/** For 30 s at most. */
async function waitFor(file: string): Promise<void> {
  writeFileSync(`${file}.here`, '');
  for (let tries = 0; tries < 1_500 && !existsSync(file); tries++) await sleep(20);
}

const stopped = once(process, 'SIGTERM');
const server = await startServer(loadConfig(process.argv[4] ?? ''), { wrapRecorder: failAt });
process.stdout.write(`${JSON.stringify(server.ready)}\n`);
await stopped;
await server.close();
