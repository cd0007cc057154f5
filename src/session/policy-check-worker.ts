import { parentPort, workerData } from 'node:worker_threads';
import { RefgateError } from '../domain/error.ts';
import { loadPolicy } from '../policy/load.ts';
import { type CheckedPolicy, fewProblems, type PolicyText } from './policy-check-messages.ts';

/**
 * The thread that reads one draft of a policy and ends. The text may be made
 * to take long: whoever asks ends the thread then.
 */

const port = parentPort;
if (port === null) throw new Error('this file is started as a worker');

function checked({ text, file }: PolicyText): CheckedPolicy {
  try {
    return { version: loadPolicy(text, file).version };
  } catch (error) {
    if (error instanceof RefgateError && error.code === 'POLICY_INVALID')
      return { invalid: fewProblems(error.detail ?? error.message, file) };
    if (error instanceof RangeError)
      return { invalid: `${file}:1:1: this is too deep or too long a list to be read; make it smaller` };
    return { failed: String(error) };
  }
}

port.postMessage('ready');
port.postMessage(checked(workerData as PolicyText));
