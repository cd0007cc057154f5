import { createServer, type IncomingHttpHeaders, type RequestListener, type ServerResponse } from 'node:http';
import https from 'node:https';
import type { AddressInfo } from 'node:net';
import { SMTPServer, type SMTPServerOptions } from 'smtp-server';

/** Real receivers on 127.0.0.1, which keep what they were sent. */

interface Closing {
  after(close: () => unknown): void;
}

export interface Received {
  readonly headers: IncomingHttpHeaders;
  readonly url: string;
  readonly body: string;
}

export interface HttpReceiver {
  readonly url: string;
  readonly received: Received[];
  /** Resolves once so many requests have come. */
  count(wanted: number): Promise<void>;
}

/** `answer` is called with how many requests came before; with `tls` it is an HTTPS server. */
export async function startHttpReceiver(
  t: Closing,
  answer: (response: ServerResponse, before: number) => void = (response) => response.end('ok'),
  tls?: { readonly key: Buffer; readonly cert: Buffer },
): Promise<HttpReceiver> {
  const arrivals = new Arrivals<Received>();
  const listener: RequestListener = async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const before = arrivals.all.length;
    answer(response, before);
    arrivals.add({
      headers: request.headers,
      url: request.url ?? '',
      body: Buffer.concat(chunks).toString('utf8'),
    });
  };
  const server = tls === undefined ? createServer(listener) : https.createServer(tls, listener);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  return {
    url: `${tls === undefined ? 'http' : 'https'}://127.0.0.1:${port}/hook`,
    received: arrivals.all,
    count: (wanted) => arrivals.count(wanted),
  };
}

export interface ReceivedMail {
  readonly from: string;
  readonly to: readonly string[];
  readonly secure: boolean;
  readonly user: string | undefined;
  readonly raw: string;
}

export interface MailReceiver {
  readonly port: number;
  readonly received: ReceivedMail[];
  count(wanted: number): Promise<void>;
}

/** A mail server; `options` may have its certificate, its users and what it refuses. */
export async function startMailReceiver(t: Closing, options: SMTPServerOptions = {}): Promise<MailReceiver> {
  const arrivals = new Arrivals<ReceivedMail>();
  const server = new SMTPServer({
    disableReverseLookup: true,
    authOptional: true,
    logger: false,
    onData(stream, session, done) {
      const chunks: Buffer[] = [];
      stream.on('data', (chunk: Buffer) => chunks.push(chunk));
      stream.on('end', () => {
        const { mailFrom, rcptTo } = session.envelope;
        arrivals.add({
          from: mailFrom === false ? '' : mailFrom.address,
          to: rcptTo.map(({ address }) => address),
          secure: session.secure,
          user: session.user,
          raw: Buffer.concat(chunks).toString('utf8'),
        });
        done();
      });
    },
    ...options,
  });
  server.on('error', () => {});
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => new Promise<void>((resolve) => server.close(() => resolve())));
  const { port } = server.server.address() as AddressInfo;
  return { port, received: arrivals.all, count: (wanted) => arrivals.count(wanted) };
}

class Arrivals<T> {
  readonly all: T[] = [];
  #waiting: { readonly wanted: number; readonly resolve: () => void }[] = [];

  add(one: T): void {
    this.all.push(one);
    this.#waiting = this.#waiting.filter(({ wanted, resolve }) => {
      if (this.all.length < wanted) return true;
      resolve();
      return false;
    });
  }

  count(wanted: number): Promise<void> {
    if (this.all.length >= wanted) return Promise.resolve();
    return new Promise((resolve) => this.#waiting.push({ wanted, resolve }));
  }
}
