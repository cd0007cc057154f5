import type { Agent, ClientRequest, IncomingMessage, RequestOptions } from 'node:http';
import type { Writable } from 'node:stream';
import { RefgateError } from '../../domain/error.ts';
import type { Service } from '../../domain/git.ts';
import { encodePkt, PktReader } from '../../git/pkt-line.ts';
import { cleanLine } from '../../git/text.ts';
import type { Login } from '../vault/credentials.ts';
import type { DialTimeouts } from './dial.ts';
import { explainFailure, explainStatus } from './http-faults.ts';

/** A repository's URL with a slash at its end, and who we are there. */
export interface HttpPlace {
  readonly url: URL;
  readonly login: Login;
}

/** A request that is being written, and its answer. */
export interface HttpPost {
  readonly input: Writable;
  /** 200 and of the right type, else UPSTREAM_REFUSED, REPO_NOT_FOUND, UPSTREAM_PROTOCOL or another code of http-faults.ts. */
  readonly answer: Promise<IncomingMessage>;
}

type RequestFunction = (url: URL, options: RequestOptions) => ClientRequest;

/** Smart HTTP's two kinds of request, gitprotocol-http(5), over a pool of connections. */
export class HttpClient {
  readonly #upstream: string;
  readonly #request: RequestFunction;
  readonly #agent: Agent;
  readonly #timeouts: DialTimeouts;

  constructor(upstream: string, request: RequestFunction, agent: Agent, timeouts: DialTimeouts) {
    this.#upstream = upstream;
    this.#request = request;
    this.#agent = agent;
    this.#timeouts = timeouts;
  }

  /** GET info/refs. The body is without the `# service` line; `at` is where the repository was found. */
  async infoRefs(
    service: Service,
    place: HttpPlace,
    signal: AbortSignal,
    redirected = false,
  ): Promise<{ body: AsyncIterable<Buffer>; at: HttpPlace }> {
    const query = `info/refs?service=git-${service}`;
    const response = await this.#get(service, new URL(query, place.url), place.login, signal);
    const location = response.headers.location;
    if (isRedirect(response) && location !== undefined && !redirected) {
      response.resume();
      return this.infoRefs(
        service,
        { ...place, url: this.#follow(place.url, location, query) },
        signal,
        true,
      );
    }
    await this.#expect(response, `application/x-git-${service}-advertisement`, place.login);
    return { body: withoutServiceLine(response), at: place };
  }

  /**
   * POST git-upload-pack with a whole request. Asked again once when a kept connection turns out to be dead, and once
   * when the repository has moved: where to, info/refs is asked.
   */
  async ask(place: HttpPlace, request: Buffer, signal: AbortSignal, moved = false): Promise<IncomingMessage> {
    for (let again = false; ; again = true) {
      const post = this.#post('upload-pack', place, signal, request.length);
      post.end(request);
      try {
        const response = await this.#answerOf(post);
        if (moved || !isRedirect(response)) return await this.#result('upload-pack', response, place);
        response.resume();
        const { body, at } = await this.infoRefs('upload-pack', place, signal);
        for await (const _ of body);
        return await this.ask(at, request, signal, true);
      } catch (error) {
        const stale = post.reusedSocket && isReset(error);
        if (!stale || again) throw error;
      }
    }
  }

  /** POST git-upload-pack or git-receive-pack; chunked when `length` in bytes is not known. */
  post(service: Service, place: HttpPlace, signal: AbortSignal, length?: number): HttpPost {
    const request = this.#post(service, place, signal, length);
    const answer = this.#answerOf(request).then((response) => this.#result(service, response, place));
    // Whoever waits for the answer hears of it, however late.
    answer.catch(() => {});
    return { input: request, answer };
  }

  #post(service: Service, place: HttpPlace, signal: AbortSignal, length?: number): ClientRequest {
    return this.#open(service, new URL(`git-${service}`, place.url), place.login, signal, {
      method: 'POST',
      headers: {
        'content-type': `application/x-git-${service}-request`,
        accept: `application/x-git-${service}-result`,
        ...(length === undefined ? {} : { 'content-length': length }),
      },
    });
  }

  async #result(service: Service, response: IncomingMessage, place: HttpPlace): Promise<IncomingMessage> {
    await this.#expect(response, `application/x-git-${service}-result`, place.login);
    return response;
  }

  async #get(service: Service, url: URL, login: Login, signal: AbortSignal): Promise<IncomingMessage> {
    for (let again = false; ; again = true) {
      const request = this.#open(service, url, login, signal, { method: 'GET', headers: { accept: '*/*' } });
      const timer = setTimeout(
        () => request.destroy(new RefgateError('UPSTREAM_TIMEOUT', 'upstream', this.#upstream)),
        this.#timeouts.firstByte,
      );
      request.end();
      try {
        return await this.#answerOf(request);
      } catch (error) {
        if (!request.reusedSocket || !isReset(error) || again) throw error;
      } finally {
        clearTimeout(timer);
      }
    }
  }

  #open(
    service: Service,
    url: URL,
    login: Login,
    signal: AbortSignal,
    options: RequestOptions,
  ): ClientRequest {
    const basic = Buffer.from(`${login.user}:${login.password.reveal()}`).toString('base64');
    const request = this.#request(url, {
      ...options,
      agent: this.#agent,
      signal,
      headers: {
        ...(options.headers as Record<string, string>),
        'user-agent': 'git/refgate',
        authorization: `Basic ${basic}`,
        ...(service === 'upload-pack' ? { 'git-protocol': 'version=2' } : {}),
      },
    });
    request.once('socket', (socket) => {
      if (!socket.connecting) return;
      const late = new RefgateError('UPSTREAM_TIMEOUT', 'upstream', `${this.#upstream}: no connection`);
      const timer = setTimeout(() => request.destroy(late), this.#timeouts.connect);
      const secured = url.protocol === 'https:' ? 'secureConnect' : 'connect';
      socket.once(secured, () => clearTimeout(timer));
      socket.once('close', () => clearTimeout(timer));
    });
    return request;
  }

  #answerOf(request: ClientRequest): Promise<IncomingMessage> {
    return new Promise((resolve, reject) => {
      request.once('response', (response) => {
        // Whoever reads it is told; without a listener node would end the process.
        response.on('error', () => {});
        resolve(response);
      });
      request.on('error', (error) => reject(explainFailure(error, this.#upstream)));
    });
  }

  async #expect(response: IncomingMessage, type: string, login: Login): Promise<void> {
    if (response.statusCode !== 200) throw await explainStatus(response, this.#upstream, login);
    if (response.headers['content-type']?.split(';')[0]?.trim() === type) return;
    const shown = cleanLine(response.headers['content-type'] ?? 'none', 80);
    response.destroy();
    const detail = `${this.#upstream} answered with the content type ${shown}; is the url that of a smart HTTP server?`;
    throw new RefgateError('UPSTREAM_PROTOCOL', 'operator', detail);
  }

  /** The repository's URL that a redirect of info/refs leads to, on the same host and not in the clear. */
  #follow(from: URL, location: string, query: string): URL {
    const to = URL.canParse(location, from.href) ? new URL(location, from) : undefined;
    if (!to || to.host !== from.host || to.protocol !== from.protocol || !to.href.endsWith(`/${query}`)) {
      const where = to ? cleanLine(to.host, 100) : 'nowhere';
      const detail = `${this.#upstream} redirects to ${where}, where the credential must not go; correct its url`;
      throw new RefgateError('UPSTREAM_REFUSED', 'operator', detail);
    }
    to.username = '';
    to.password = '';
    return new URL(to.href.slice(0, -query.length));
  }
}

/** The `# service` line and its flush-pkt are left out by servers that speak v2; then nothing is taken. */
async function* withoutServiceLine(response: IncomingMessage): AsyncGenerator<Buffer> {
  const reader = new PktReader(response, 'upstream');
  const first = await reader.read();
  if (first === null) return;
  if (first.type !== 'data')
    throw new RefgateError('UPSTREAM_PROTOCOL', 'upstream', 'it has nothing to advertise');
  if (first.payload.toString('latin1', 0, 10) !== '# service=') yield encodePkt(first.payload);
  else if ((await reader.read())?.type !== 'flush') {
    throw new RefgateError('UPSTREAM_PROTOCOL', 'upstream', 'no flush-pkt after the service line');
  }
  yield* reader.rest();
}

function isRedirect(response: IncomingMessage): boolean {
  return [301, 302, 303, 307, 308].includes(response.statusCode ?? 0);
}

function isReset(error: unknown): boolean {
  const cause = error instanceof RefgateError ? error.cause : error;
  return /^(ECONNRESET|EPIPE)$/.test((cause as NodeJS.ErrnoException | undefined)?.code ?? '');
}
