import { errorCodes, RefgateError } from '../../domain/error.ts';
import type { Log } from '../../domain/log.ts';
import { cleanLine } from '../../git/text.ts';
import { incidentOf } from '../incident.ts';

/**
 * The one line that a client reads on stderr. An unknown repository and a
 * missing grant read the same. Of what is not the client's fault it learns the
 * code's text at most, and `id`, which is in the log.
 */
export function lineFor(error: unknown, id: string): string {
  return `refgate: ${cleanLine(textFor(error, id), 500)}\r\n`;
}

function textFor(error: unknown, id: string): string {
  if (!(error instanceof RefgateError))
    return `something went wrong inside Refgate; tell your administrator ${id}`;
  if (error.code === 'SHUTTING_DOWN') return 'the server is restarting; try again';
  if (error.code === 'REPO_NOT_FOUND')
    return `${errorCodes.REPO_NOT_FOUND}; check the URL, or ask for access`;
  // What is said of a view is for whoever waits for it.
  if (error.blame === 'client' || error.code === 'VIEW_NOT_READY') return error.message;
  if (error.blame === 'refgate') return `something went wrong inside Refgate; tell your administrator ${id}`;
  return `${errorCodes[error.code]}; try again, or tell your administrator ${id}`;
}

/** The line for an error that kept a session from being served, after the error was logged. */
export function refuse(error: unknown, log: Log, fields: object): string {
  const id = incidentOf(error);
  const isOurs = !(error instanceof RefgateError) || error.blame === 'refgate';
  if (isOurs) log.error({ ...fields, id, err: error }, 'ssh session failed');
  else if (error.blame === 'client')
    log.info({ ...fields, id, reason: error.message }, 'ssh session refused');
  else log.warn({ ...fields, id, err: error }, 'ssh session not served');
  return lineFor(error, id);
}
