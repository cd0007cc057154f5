/** What a browser is to the server: a cookie, where it came from, and the forms of the page before it. */
import assert from 'node:assert/strict';
import { request } from 'node:http';

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
}

/** A browser without eyes, for one origin. Keeps the cookie that it is told, and follows nothing by itself. */
export class WebClient {
  readonly origin: string;
  /** `NAME=VALUE`; empty when there is none. */
  cookie = '';
  #csrf = '';

  /** @param origin such as `http://127.0.0.1:1234` */
  constructor(origin: string) {
    this.origin = origin;
  }

  /** Another browser with the same cookie. */
  copy(): WebClient {
    return Object.assign(new WebClient(this.origin), { cookie: this.cookie });
  }

  /** `path` from `/-/` on. */
  async get(path: string, headers: Readonly<Record<string, string>> = {}): Promise<Answer> {
    return this.send('GET', path, headers);
  }

  /** As a form of one of our pages is sent; `csrf` is that of the page that was read last, when not said. */
  async post(
    path: string,
    form: Readonly<Record<string, string>> = {},
    headers: Readonly<Record<string, string>> = {},
  ): Promise<Answer> {
    const body = new URLSearchParams({ csrf: this.#csrf, ...form });
    return this.send('POST', path, { 'sec-fetch-site': 'same-origin', origin: 'null', ...headers }, body);
  }

  async send(
    method: string,
    path: string,
    headers: Readonly<Record<string, string>>,
    body?: URLSearchParams | string,
  ): Promise<Answer> {
    const sent = typeof body === 'object' ? { ...headers, 'content-type': formType } : headers;
    const cookie = this.cookie === '' ? {} : { cookie: this.cookie };
    const answer = await exchange(
      new URL(this.origin),
      method,
      path,
      { ...cookie, ...sent },
      body?.toString(),
    );
    for (const line of answer.headers.getSetCookie()) {
      this.cookie = line.includes('Max-Age=0') ? '' : (line.split(';')[0] ?? '');
    }
    const { text } = answer;
    this.#csrf = /name="csrf" value="([^"]*)"/.exec(text)?.[1] ?? this.#csrf;
    return answer;
  }

  /** Signs in with a token, and reads a page, so that forms can be sent. */
  async signIn(token: string): Promise<void> {
    const answer = await this.post('/-/login', { token });
    assert.equal(answer.status, 303, answer.text);
    assert.equal((await this.get('/-/account')).status, 200);
  }
}

const formType = 'application/x-www-form-urlencoded';

/** Not fetch, which sets headers of its own and normalises paths. */
function exchange(
  { hostname, port }: URL,
  method: string,
  path: string,
  headers: Readonly<Record<string, string>>,
  body = '',
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const order = { hostname, port, method, path, headers: { ...headers }, agent: false };
    const outgoing = request(order, (incoming) => {
      const known = new Headers();
      for (const [name, values] of Object.entries(incoming.headersDistinct))
        for (const value of values ?? []) known.append(name, value);
      const pieces: Buffer[] = [];
      incoming.on('data', (piece: Buffer) => pieces.push(piece));
      incoming.once('error', reject);
      incoming.once('end', () =>
        resolve({ status: incoming.statusCode ?? 0, headers: known, text: Buffer.concat(pieces).toString() }),
      );
    });
    outgoing.once('error', reject);
    outgoing.end(body);
  });
}
