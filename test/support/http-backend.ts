/** A smart HTTP server on 127.0.0.1: git's own `git http-backend` as CGI, behind Basic authentication. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import * as http from 'node:http';
import * as https from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { gitEnv, runCommand } from './git.ts';

export interface HttpBackendOptions {
  /** Holds the bare repositories. */
  readonly root: string;
  /** Who may come in; nobody is asked when left out. */
  readonly login?: { readonly user: string; readonly password: string };
  readonly tls?: TestCertificate;
  /** Answers a request by itself, and says so; otherwise it goes to git. */
  readonly before?: (request: http.IncomingMessage, response: http.ServerResponse) => boolean;
}

export interface HttpBackend {
  /** `http(s)://127.0.0.1:PORT`. */
  readonly url: string;
  readonly port: number;
  /** Method and path of every request until now. */
  readonly requests: readonly string[];
  /** How many connections were opened until now. */
  connections(): number;
  /** Breaks off every connection and ends. */
  kill(): void;
}

export interface TestCertificate {
  readonly keyFile: string;
  readonly certFile: string;
}

/** A self-signed certificate for 127.0.0.1 and localhost, made with openssl. */
export async function makeCertificate(dir: string, name = 'server'): Promise<TestCertificate> {
  const keyFile = join(dir, `${name}.key`);
  const certFile = join(dir, `${name}.pem`);
  const subject = ['-subj', `/CN=${name}`, '-addext', 'subjectAltName=IP:127.0.0.1,DNS:localhost'];
  const kind = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2'];
  const files = ['-keyout', keyFile, '-out', certFile];
  const env = { PATH: process.env['PATH'], HOME: dir };
  const made = await runCommand('openssl', ['req', '-x509', ...kind, ...files, ...subject], { env });
  if (made.status !== 0) throw new Error(`openssl gave ${made.status}: ${made.stderr}`);
  return { keyFile, certFile };
}

/** Starts a server; it is ended with the test. */
export async function startHttpBackend(
  t: Pick<TestContext, 'after'>,
  options: HttpBackendOptions,
): Promise<HttpBackend> {
  const requests: string[] = [];
  const children = new Set<ChildProcess>();
  const listener = (request: http.IncomingMessage, response: http.ServerResponse): void => {
    requests.push(`${request.method} ${request.url}`);
    if (options.before?.(request, response)) return;
    if (options.login && request.headers.authorization !== basicOf(options.login)) {
      response.writeHead(401, { 'www-authenticate': 'Basic realm="test"', 'content-type': 'text/plain' });
      response.end('you may not come in\n');
      return;
    }
    runBackend(options, request, response, children);
  };
  const { tls } = options;
  const server = tls
    ? https.createServer({ key: readFileSync(tls.keyFile), cert: readFileSync(tls.certFile) }, listener)
    : http.createServer(listener);
  let connections = 0;
  server.on('connection', () => {
    connections += 1;
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const kill = (): void => {
    server.closeAllConnections();
    server.close();
    for (const child of children) child.kill('SIGKILL');
  };
  t.after(kill);
  const { port } = server.address() as AddressInfo;
  const url = `${tls ? 'https' : 'http'}://127.0.0.1:${port}`;
  return { url, port, requests, connections: () => connections, kill };
}

function basicOf({ user, password }: { user: string; password: string }): string {
  return `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;
}

function runBackend(
  options: HttpBackendOptions,
  request: http.IncomingMessage,
  response: http.ServerResponse,
  children: Set<ChildProcess>,
): void {
  const url = new URL(request.url ?? '/', 'http://localhost');
  const protocol = request.headers['git-protocol']?.toString();
  const encoding = request.headers['content-encoding'];
  const child = spawn('git', ['http-backend'], {
    env: gitEnv({
      GIT_PROJECT_ROOT: options.root,
      GIT_HTTP_EXPORT_ALL: '1',
      PATH_INFO: decodeURIComponent(url.pathname),
      QUERY_STRING: url.search.slice(1),
      REQUEST_METHOD: request.method ?? 'GET',
      CONTENT_TYPE: request.headers['content-type'] ?? '',
      CONTENT_LENGTH: request.headers['content-length'],
      REMOTE_ADDR: '127.0.0.1',
      REMOTE_USER: options.login?.user ?? 'anyone',
      ...(protocol === undefined ? {} : { GIT_PROTOCOL: protocol }),
      ...(encoding === undefined ? {} : { HTTP_CONTENT_ENCODING: encoding }),
    }),
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  children.add(child);
  child.once('close', () => children.delete(child));
  child.stdin.on('error', () => {});
  request.pipe(child.stdin);
  // A body that breaks off ends the input too: git then sees that something is missing.
  request.once('close', () => child.stdin.end());
  response.on('close', () => child.stdout.destroy());
  passAnswer(child, response);
}

/** CGI: header lines, an empty line, the body. */
function passAnswer(child: ReturnType<typeof spawn>, response: http.ServerResponse): void {
  let head: Buffer | undefined = Buffer.alloc(0);
  child.stdout?.on('data', (chunk: Buffer) => {
    let body = chunk;
    if (head) {
      head = Buffer.concat([head, chunk]);
      const end = head.indexOf('\r\n\r\n');
      if (end < 0) return;
      writeHead(head.toString('latin1', 0, end), response);
      body = head.subarray(end + 4);
      head = undefined;
    }
    if (body.length > 0 && !response.write(body)) {
      child.stdout?.pause();
      response.once('drain', () => child.stdout?.resume());
    }
  });
  child.once('close', () => {
    if (head) response.writeHead(502);
    response.end();
  });
}

function writeHead(text: string, response: http.ServerResponse): void {
  let status = 200;
  for (const line of text.split('\r\n')) {
    const [name = '', value = ''] = line.split(/:\s*/, 2);
    if (/^status$/i.test(name)) status = Number.parseInt(value, 10);
    else response.appendHeader(name, value);
  }
  response.writeHead(status);
}
