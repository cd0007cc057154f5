/**
 * `refgate serve` whose ledger fails on purpose. REFGATE_FAIL names an event
 * and what happens at it, such as `push.decided kill-before`:
 *   refuse       the write fails, and nothing is on disk
 *   refuse-late  the write fails, and the event is on disk all the same
 *   kill-before  the process is killed before the event is written
 *   kill-after   the process is killed once the event is on disk
 */
import { loadConfig } from '../../src/app/config.ts';
import { startServer } from '../../src/app/serve.ts';
import { RefgateError } from '../../src/domain/error.ts';
import type { Recorder } from '../../src/domain/record.ts';

const [failing, how] = (process.env['REFGATE_FAIL'] ?? '').split(' ');

function failOnce(recorder: Recorder): Recorder {
  return {
    async append(code, data, context) {
      if (code !== failing) return recorder.append(code, data, context);
      if (how === 'kill-before') process.kill(process.pid, 'SIGKILL');
      if (how === 'refuse') throw new RefgateError('LEDGER_UNAVAILABLE', 'refgate');
      const event = await recorder.append(code, data, context);
      if (how === 'kill-after') process.kill(process.pid, 'SIGKILL');
      if (how === 'refuse-late') throw new RefgateError('LEDGER_UNAVAILABLE', 'refgate');
      return event;
    },
  };
}

const server = await startServer(loadConfig(process.argv[4] ?? ''), { wrapRecorder: failOnce });
process.stdout.write(`${JSON.stringify(server.ready)}\n`);
process.once('SIGTERM', () => void server.close());
