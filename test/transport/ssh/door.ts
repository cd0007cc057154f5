/** A door with git itself behind it, in place of the spine, and clients for it. */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import type { TestContext } from 'node:test';
import { RefgateError } from '../../../src/domain/error.ts';
import type { Authenticator } from '../../../src/domain/identity.ts';
import type { ChannelResult, GitChannel, Principal } from '../../../src/domain/session.ts';
import { type SshDoor, startSshDoor } from '../../../src/transport/ssh/accept-ssh.ts';
import type { SshLimits } from '../../../src/transport/ssh/limits.ts';
import { type ClientKey, makeClientKey } from '../../support/client.ts';
import { type GitRun, gitEnv, runCommand } from '../../support/git.ts';
import { makeRepo } from '../../support/repos.ts';

export interface TestDoor extends SshDoor {
  readonly dir: string;
  readonly key: ClientKey;
  /** Channels that reached the spine's place. */
  readonly channels: GitChannel[];
  /** What was logged: the phrases. */
  readonly phrases: string[];
  url(repo: string): string;
  /** Registers one more public key, of user `ann`. */
  register(blob: Buffer): void;
  /** Runs OpenSSH's client with the registered key. */
  ssh(args: readonly string[], options?: { input?: string; timeout?: number }): Promise<GitRun>;
}

export interface DoorSetup {
  readonly limits?: Partial<SshLimits>;
  readonly serve?: (channel: GitChannel) => Promise<ChannelResult>;
  readonly authenticator?: Partial<Authenticator>;
}

const noPenalties = { authFailed: 0, noAuth: 0, graceExceeded: 0, least: 0, most: 0, loopback: true };

/** Opens a door in `dir` with a registered Ed25519 key and, when git serves, the repository acme/web; closes it after the test. */
export async function openDoor(t: TestContext, dir: string, setup: DoorSetup = {}): Promise<TestDoor> {
  const key = await makeClientKey(dir);
  const known = new Map<string, Principal>();
  const register = (blob: Buffer): void => {
    const id = `SHA256:${createHash('sha256').update(blob).digest('base64').replace(/=+$/, '')}`;
    known.set(blob.toString('base64'), {
      user: 'ann',
      kind: 'person',
      groups: ['dev'],
      credential: { type: 'ssh-key', id },
    });
  };
  register(blobOf(key.publicLine));
  if (setup.serve === undefined) await makeRepo(join(dir, 'acme/web.git'), 'linear');
  const channels: GitChannel[] = [];
  const phrases: string[] = [];
  const note = (_fields: object, phrase: string): void => void phrases.push(phrase);
  const serve = setup.serve ?? ((channel) => serveWithGit(dir, channel));
  const door = await startSshDoor({
    listen: { host: '127.0.0.1', port: 0 },
    hostKeyFile: join(dir, 'host_key'),
    authenticator: {
      byPublicKey: async (blob) => known.get(blob.toString('base64')),
      byToken: async () => undefined,
      stillValid: async () => true,
      ...setup.authenticator,
    },
    log: { debug: note, info: note, warn: note, error: note },
    limits: { penalties: noPenalties, ...setup.limits },
    serve: (channel) => {
      channels.push(channel);
      return serve(channel);
    },
  });
  t.after(() => door.close(0));
  const words = (key.env.GIT_SSH_COMMAND.match(/'[^']*'/g) ?? []).map((word) => word.slice(1, -1)).slice(1);
  return {
    ...door,
    dir,
    key,
    channels,
    phrases,
    url: (repo) => `ssh://git@127.0.0.1:${door.port}/${repo}`,
    register,
    ssh: (args, options) => {
      // the first value of an option counts, so the test's own come before ours
      const host = args.indexOf('git@127.0.0.1');
      const all = [...args.slice(0, host), ...words, '-p', String(door.port), ...args.slice(host)];
      return runCommand('ssh', all, { ...options, env: gitEnv() });
    },
  };
}

/** The wire form of a key in a .pub line. */
export function blobOf(publicLine: string): Buffer {
  return Buffer.from(publicLine.split(' ')[1] ?? '', 'base64');
}

/** Runs the service itself on the repository below `dir`. */
export async function serveWithGit(dir: string, channel: GitChannel): Promise<ChannelResult> {
  if (channel.repo !== 'acme/web') throw new RefgateError('REPO_NOT_FOUND', 'client', channel.repo);
  const child = spawn('git', [channel.service, join(dir, `${channel.repo}.git`)], {
    env: gitEnv({ GIT_PROTOCOL: `version=${channel.version}` }),
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  const status = new Promise<number>((resolve) => child.once('close', (code) => resolve(code ?? 1)));
  // A client is free to close its side late, or never: the service's end is what counts.
  const input = pipeline(channel.input, child.stdin).catch(() => undefined);
  const output = pipeline(child.stdout, channel.output).catch(() => child.kill());
  await output;
  const exitStatus = (await status) === 0 ? 0 : 1;
  channel.input.destroy();
  await input;
  return { exitStatus };
}
