import { readFile } from 'node:fs/promises';
import * as http from 'node:http';
import * as https from 'node:https';
import { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { RefgateError } from '../../domain/error.ts';
import type { HttpDefinition } from '../../upstream/link-definition.ts';
import type { Credentials } from '../vault/credentials.ts';
import type { Dial, DialTimeouts, ReceivePack, UploadPack } from './dial.ts';
import { HttpClient, type HttpPlace } from './http-client.ts';
import { converseByPost } from './http-converse.ts';
import { RecentAdvertisements } from './recent-advertisements.ts';
import { checkedRepoPath } from './repo-path.ts';

/** How long the end of an advertisement that was read is waited for, in ms; without it a new connection is opened. */
const patienceForEnd = 50;

/**
 * Dials a smart HTTP upstream (gitprotocol-http(5)) with the login of the
 * repository. Redirects are followed for info/refs alone, once, and never to
 * another host; certificates are checked against `ca` alone where it is given.
 * CONFIG_INVALID when the definition is not usable.
 */
export async function dialHttp(
  upstream: string,
  definition: HttpDefinition,
  credentials: Credentials,
  timeouts: DialTimeouts,
): Promise<Dial> {
  const base = readUrl(definition.url);
  const ca = definition.ca === undefined ? {} : { ca: await readCa(definition.ca) };
  const pooling = { keepAlive: true, maxFreeSockets: 32 };
  const secure = base.protocol === 'https:';
  const agent = secure ? new https.Agent({ ...pooling, ...ca }) : new http.Agent(pooling);
  const client = new HttpClient(upstream, secure ? https.request : http.request, agent, timeouts);

  const place = (path: string): HttpPlace => ({
    url: new URL(`${base.pathname.replace(/\/+$/, '')}/${checkedRepoPath(path)}.git/`, base),
    login: credentials.login(upstream, path),
  });

  const recent = new RecentAdvertisements();

  return {
    async uploadPack(path, { advertised, signal }): Promise<UploadPack> {
      const { aborter } = linked(signal);
      const asked = place(path);
      const { body, at } = advertised
        ? await client.infoRefs('upload-pack', asked, aborter.signal)
        : { body: undefined, at: asked };
      return {
        advertised,
        converse: (gateway, tell) =>
          converseByPost(gateway, body, (request) => client.ask(at, request, aborter.signal), tell),
        abort: () => aborter.abort(),
      };
    },
    async receivePack(path, { signal, mayBeRecent = false }): Promise<ReceivePack> {
      const { aborter, unlink } = linked(signal);
      const asked = place(path);
      const known = mayBeRecent ? recent.take(path, asked.login) : undefined;
      const { body, at } =
        known ?? recent.watch(path, await client.infoRefs('receive-pack', asked, aborter.signal));
      // From here on the caller knows when it is too late to break off.
      unlink();
      return {
        advertisement: body,
        async push() {
          // Read to its end, an answer leaves its connection to the next request.
          await readRest(body);
          recent.forget(path);
          const { input, answer } = client.post('receive-pack', at, aborter.signal);
          return { input, output: Readable.from(bodyOf(answer), { objectMode: false }), complaint: () => '' };
        },
        leave() {
          void readRest(body).then((isRead) => isRead || aborter.abort());
        },
        abort: () => aborter.abort(),
      };
    },
    without: secure ? [] : ['host-key'],
    close: () => agent.destroy(),
  };
}

/** Whether the end of an answer, of which nothing more is wanted, came soon. */
async function readRest(body: AsyncIterable<Buffer>): Promise<boolean> {
  const reading = async (): Promise<boolean> => {
    for await (const _ of body);
    return true;
  };
  const late = new AbortController();
  try {
    return await Promise.race([reading(), sleep(patienceForEnd, false, { signal: late.signal })]);
  } catch {
    return false;
  } finally {
    late.abort();
  }
}

async function* bodyOf(answer: Promise<http.IncomingMessage>): AsyncGenerator<Buffer> {
  for await (const chunk of await answer) yield chunk as Buffer;
}

function linked(signal: AbortSignal): { aborter: AbortController; unlink: () => void } {
  const aborter = new AbortController();
  const pass = (): void => aborter.abort();
  signal.addEventListener('abort', pass, { once: true });
  if (signal.aborted) pass();
  return { aborter, unlink: () => signal.removeEventListener('abort', pass) };
}

function readUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const plain = url && url.username === '' && url.password === '' && url.search === '' && url.hash === '';
  if (!plain || !/^https?:$/.test(url.protocol)) {
    throw new RefgateError('CONFIG_INVALID', 'operator', 'write the url as http(s)://HOST[:PORT][/PREFIX]');
  }
  return url;
}

async function readCa(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (cause) {
    throw new RefgateError('CONFIG_INVALID', 'operator', `the ca file ${file} cannot be read`, { cause });
  }
}
