import type { IncomingMessage } from 'node:http';
import { RefgateError } from '../../domain/error.ts';
import { cleanBytes, cleanLine } from '../../git/text.ts';
import type { Login } from '../vault/credentials.ts';

/** How much of an error page is read, in bytes. */
const pageLimit = 2048;

/**
 * What a status other than 200 means: REPO_NOT_FOUND for 404 and 410,
 * UPSTREAM_REFUSED for every other refusal, UPSTREAM_UNREACHABLE for a failure
 * of the server or of a gateway before it (which may yet have done its work).
 */
export async function explainStatus(
  response: IncomingMessage,
  upstream: string,
  login: Login,
): Promise<RefgateError> {
  const status = response.statusCode ?? 0;
  const says = await firstWords(response, login);
  const detail = `${upstream} answered ${status}${says === '' ? '' : `: ${says}`}`;
  if (status === 404 || status === 410) return new RefgateError('REPO_NOT_FOUND', 'client', detail);
  if (status === 401 || status === 403) {
    const advice = `${detail}; check the credential of user ${login.user}`;
    return new RefgateError('UPSTREAM_REFUSED', 'operator', advice);
  }
  if (status >= 300 && status < 400) {
    return new RefgateError('UPSTREAM_REFUSED', 'operator', `${detail}; redirects are not followed here`);
  }
  const code = status >= 500 ? 'UPSTREAM_UNREACHABLE' : 'UPSTREAM_REFUSED';
  return new RefgateError(code, 'upstream', detail);
}

/** What a failed connection means: UPSTREAM_HOST_KEY for its certificate, HUNG_UP for our own end, else UPSTREAM_UNREACHABLE. */
export function explainFailure(error: Error, upstream: string): RefgateError {
  if (error instanceof RefgateError) return error;
  const code = (error as NodeJS.ErrnoException).code ?? '';
  if (error.name === 'AbortError') return new RefgateError('HUNG_UP', 'refgate', undefined, { cause: error });
  if (/CERT|VERIFY/.test(code)) {
    const detail = `${upstream}: ${code}; compare the ca file of this upstream with the certificate it shows`;
    return new RefgateError('UPSTREAM_HOST_KEY', 'operator', detail, { cause: error });
  }
  const detail = `${upstream}: ${cleanLine(error.message, 200)}`;
  return new RefgateError('UPSTREAM_UNREACHABLE', 'upstream', detail, { cause: error });
}

async function firstWords(response: IncomingMessage, login: Login): Promise<string> {
  if (!/^text\/plain/.test(response.headers['content-type'] ?? '')) {
    response.destroy();
    return '';
  }
  let page: Buffer = Buffer.alloc(0);
  try {
    for await (const chunk of response) {
      page = Buffer.concat([page, chunk as Buffer]);
      if (page.length >= pageLimit) break;
    }
  } catch {
    // The status alone says enough.
  }
  // A page that echoes the request must not carry the credential into a message.
  return cleanBytes(page, 300).replaceAll(login.password.reveal(), '[secret]');
}
