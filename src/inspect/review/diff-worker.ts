import { parentPort, workerData } from 'node:worker_threads';
import { RefgateError } from '../../domain/error.ts';
import { loadRuleSet } from '../secrets/load-rule-set.ts';
import { maskText } from '../secrets/mask-text.ts';
import { Scanner } from '../secrets/scanner.ts';
import type { SecretSettings } from '../worker-messages.ts';
import type { FromDiffWorker, ToDiffWorker } from './diff-messages.ts';
import { diffFile } from './file-diff.ts';

/**
 * The thread in which files are searched for secrets, compared and coloured for
 * reviewers, one at a time. What they hold may be hostile: whoever asks ends the thread when it takes too long.
 */

const port = parentPort;
if (port === null) throw new Error('this file is started as a worker');
const send = (message: FromDiffWorker) => port.postMessage(message);

/** Rules that cannot be compiled fail everything: nothing is shown unmasked. */
function start({ ruleFiles, defaults }: SecretSettings): void {
  try {
    const scanner = new Scanner(loadRuleSet({ files: ruleFiles, defaults }).rules);
    port?.on('message', (message: ToDiffWorker) => {
      try {
        send(answer(scanner, message));
      } catch (error) {
        send(failure(error));
      }
    });
    send({ type: 'ready' });
  } catch (error) {
    send(failure(error));
  }
}

function answer(scanner: Scanner, message: ToDiffWorker): FromDiffWorker {
  if (message.type === 'diff') return { type: 'diff', diff: diffFile(scanner, message.job) };
  return { type: 'masked', texts: message.texts.map((text) => maskText(scanner, text)) };
}

function failure(error: unknown): FromDiffWorker {
  return error instanceof RefgateError
    ? { type: 'failed', code: error.code, blame: error.blame, detail: error.detail }
    : { type: 'failed', code: 'INTERNAL', blame: 'refgate', detail: String(error) };
}

start(workerData as SecretSettings);
