/** The upstreams of a measurement: OpenSSH's sshd, and git's own http-backend(1) behind a small server. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { connect } from 'node:net';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort, gitEnv, runCommand } from '../test/support/git.ts';

type Hook = { after: (closer: () => unknown) => void };

/** An sshd that lets the holder of one key in as this user; paths are those of the disk. */
export async function startSshHost(
  t: Hook,
  dir: string,
  publicLine: string,
): Promise<{ readonly url: string; readonly hostKey: string }> {
  const hostKeyFile = join(dir, 'upstream_host_key');
  const env = { PATH: process.env['PATH'] };
  await runCommand('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', hostKeyFile], { env });
  const port = await freePort();
  writeFileSync(join(dir, 'authorized_keys'), `${publicLine}\n`);
  const config = [
    `ListenAddress 127.0.0.1:${port}`,
    `HostKey ${hostKeyFile}`,
    `AuthorizedKeysFile ${join(dir, 'authorized_keys')}`,
    `PidFile none`,
    'StrictModes no',
    'UsePAM no',
    'PasswordAuthentication no',
    'PermitRootLogin prohibit-password',
    'AcceptEnv GIT_PROTOCOL',
    'MaxStartups 200',
    'MaxSessions 100',
    'LogLevel FATAL',
  ];
  // sshd insists on it, as root; the init scripts make it otherwise.
  if (userInfo().uid === 0) mkdirSync('/run/sshd', { recursive: true, mode: 0o755 });
  const configFile = join(dir, 'sshd_config');
  writeFileSync(configFile, `${config.join('\n')}\n`);
  const child = spawn('/usr/sbin/sshd', ['-D', '-e', '-f', configFile], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  t.after(() => child.kill('SIGTERM'));
  await untilOpen(port);
  const [type, blob] = readFileSync(`${hostKeyFile}.pub`, 'utf8').split(' ');
  return { url: `ssh://${userInfo().username}@127.0.0.1:${port}`, hostKey: `${type} ${blob}` };
}

async function untilOpen(port: number): Promise<void> {
  for (let tries = 0; tries < 100; tries++) {
    const socket = connect(port, '127.0.0.1');
    try {
      await once(socket, 'connect');
      socket.destroy();
      return;
    } catch {
      await sleep(50);
    }
  }
  throw new Error('sshd did not start');
}

/** Smart HTTP without authentication over a folder of bare repositories. */
export async function startHttpHost(t: Hook, root: string): Promise<{ readonly url: string }> {
  const server = createServer((request, response) => answer(root, request, response));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  const address = server.address();
  return { url: `http://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}` };
}

function answer(root: string, request: IncomingMessage, response: ServerResponse): void {
  const { pathname, search } = new URL(request.url ?? '/', 'http://localhost');
  const header = (name: string): string => String(request.headers[name] ?? '');
  const child = spawn('git', ['-c', 'http.receivepack=true', 'http-backend'], {
    stdio: ['pipe', 'pipe', 'inherit'],
    env: gitEnv({
      GIT_PROJECT_ROOT: root,
      GIT_HTTP_EXPORT_ALL: '1',
      GIT_PROTOCOL: header('git-protocol'),
      PATH_INFO: decodeURIComponent(pathname),
      QUERY_STRING: search.slice(1),
      REQUEST_METHOD: request.method,
      CONTENT_TYPE: header('content-type'),
      HTTP_CONTENT_ENCODING: header('content-encoding'),
      REMOTE_USER: 'bench',
      REMOTE_ADDR: '127.0.0.1',
      ...(request.headers['content-length'] ? { CONTENT_LENGTH: header('content-length') } : {}),
    }),
  });
  child.stdin.on('error', () => {});
  request.pipe(child.stdin);
  response.on('close', () => child.kill());
  let head = Buffer.alloc(0);
  child.stdout.on('data', function onHead(piece: Buffer) {
    head = Buffer.concat([head, piece]);
    const end = head.indexOf('\r\n\r\n');
    if (end < 0) return;
    child.stdout.off('data', onHead);
    let status = 200;
    for (const line of head.subarray(0, end).toString().split('\r\n')) {
      const [name = '', value = ''] = line.split(/:\s*/, 2);
      if (name.toLowerCase() === 'status') status = Number.parseInt(value, 10);
      else response.setHeader(name, value);
    }
    response.writeHead(status);
    response.write(head.subarray(end + 4));
    child.stdout.pipe(response);
  });
}
