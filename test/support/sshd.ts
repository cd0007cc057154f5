/** A real OpenSSH server on 127.0.0.1, with its own configuration, host key and authorized keys. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { freePort, runCommand, tempDir } from './git.ts';

export interface Sshd {
  readonly port: number;
  readonly user: string;
  /** `ssh-ed25519 AAAA...`, as in a known_hosts file without the host. */
  readonly hostKey: string;
  /** `ssh://USER@127.0.0.1:PORT`. */
  readonly url: string;
  /** Lets one more public key in: a line of a .pub file. */
  authorize(line: string): void;
  /** What the server has logged until now. */
  log(): string;
  /** How many connections were let in until now. */
  logins(): number;
  /** Breaks off every connection; the server goes on. */
  dropConnections(): void;
  /** Ends the server and every connection of it. */
  kill(): void;
}

/** The OpenSSH server, which refuses to start by a relative name. */
export const sshdProgram = '/usr/sbin/sshd';

/** Starts a server for the user who runs the test; it is ended with the test. */
export async function startSshd(t: Pick<TestContext, 'after'>): Promise<Sshd> {
  const dir = tempDir(t, 'sshd');
  const hostKeyFile = join(dir, 'host_key');
  const keysFile = join(dir, 'authorized_keys');
  const keygen = ['-q', '-t', 'ed25519', '-N', '', '-C', 'host', '-f', hostKeyFile];
  const made = await runCommand('ssh-keygen', keygen, { env: { PATH: process.env['PATH'] } });
  if (made.status !== 0) throw new Error(`ssh-keygen gave ${made.status}: ${made.stderr}`);
  writeFileSync(keysFile, '', { mode: 0o600 });
  // As root it insists on this folder, which otherwise an init script makes.
  if (userInfo().uid === 0) mkdirSync('/run/sshd', { recursive: true, mode: 0o755 });
  const port = await freePort();
  const configFile = join(dir, 'sshd_config');
  writeFileSync(configFile, configOf(port, hostKeyFile, keysFile, dir));
  const child = spawn(sshdProgram, ['-D', '-e', '-f', configFile], { stdio: ['ignore', 'ignore', 'pipe'] });
  let log = '';
  child.stderr.on('data', (chunk: Buffer) => {
    log += chunk.toString();
  });
  const dropConnections = (): void => {
    for (const pid of descendants(child)) endProcess(pid);
  };
  const kill = (): void => {
    dropConnections();
    child.kill('SIGKILL');
  };
  t.after(kill);
  process.once('exit', kill);
  await listening(port, child, () => log);
  const user = userInfo().username;
  return {
    port,
    user,
    hostKey: readFileSync(`${hostKeyFile}.pub`, 'utf8').split(' ').slice(0, 2).join(' '),
    url: `ssh://${user}@127.0.0.1:${port}`,
    authorize: (line) => writeFileSync(keysFile, `${line}\n`, { flag: 'a' }),
    log: () => log,
    logins: () => log.match(/Accepted publickey/g)?.length ?? 0,
    dropConnections,
    kill,
  };
}

function configOf(port: number, hostKeyFile: string, keysFile: string, home: string): string {
  const safeDirectories = 'GIT_CONFIG_COUNT=1 GIT_CONFIG_KEY_0=safe.directory GIT_CONFIG_VALUE_0=*';
  return [
    `Port ${port}`,
    'ListenAddress 127.0.0.1',
    `HostKey ${hostKeyFile}`,
    `AuthorizedKeysFile ${keysFile}`,
    'PidFile none',
    'StrictModes no',
    'UsePAM no',
    'PermitRootLogin yes',
    'PasswordAuthentication no',
    'KbdInteractiveAuthentication no',
    'AcceptEnv GIT_PROTOCOL',
    // An empty home: a shell that sshd starts reads the person's .bashrc, which may do anything.
    `SetEnv HOME=${home} GIT_CONFIG_GLOBAL=/dev/null ${safeDirectories}`,
    'MaxStartups 100',
    'LogLevel VERBOSE',
    '',
  ].join('\n');
}

async function listening(port: number, child: ChildProcess, log: () => string): Promise<void> {
  for (;;) {
    if (child.exitCode !== null) throw new Error(`sshd ended: ${log()}`);
    const socket = connect(port, '127.0.0.1');
    try {
      await once(socket, 'connect');
      return;
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 20));
    } finally {
      socket.destroy();
    }
  }
}

/** Processes below the server, each connection being one or two. */
function descendants(child: ChildProcess): number[] {
  const found: number[] = [];
  const queue = child.pid === undefined ? [] : [child.pid];
  for (let pid = queue.pop(); pid !== undefined; pid = queue.pop()) {
    const children = childrenOf(pid);
    found.push(...children);
    queue.push(...children);
  }
  return found;
}

function childrenOf(pid: number): number[] {
  try {
    return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8')
      .trim()
      .split(/\s+/)
      .filter(Boolean)
      .map(Number);
  } catch {
    return [];
  }
}

function endProcess(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has ended by itself.
  }
}
