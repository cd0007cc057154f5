import { timingSafeEqual } from 'node:crypto';
import { Writable } from 'node:stream';
import type { ClientChannel, ConnectConfig, PublicKeyAuthMethod, ServerHostKeyAlgorithm } from 'ssh2';
import ssh2 from 'ssh2';
import { RefgateError } from '../../domain/error.ts';
import type { Service } from '../../domain/git.ts';
import { cleanLine } from '../../git/text.ts';
import type { SshDefinition } from '../../upstream/link-definition.ts';
import type { Credentials, DeployKey } from '../vault/credentials.ts';
import { collectComplaint, endedEarly } from './complaint.ts';
import type { Dial, DialTimeouts } from './dial.ts';
import { firstByte } from './first-byte.ts';
import { checkedRepoPath } from './repo-path.ts';
import { type OpenedChannel, SshPool } from './ssh-pool.ts';
import { type ServiceStream, statefulReceivePack, statefulUploadPack } from './stateful.ts';

interface PinnedHostKey {
  readonly type: string;
  readonly blob: Buffer;
}

/**
 * Dials an SSH upstream with the deploy key of the repository. The host must
 * show one of the pinned keys; connections are pooled per deploy key.
 * CONFIG_INVALID when the definition is not usable.
 */
export function dialSsh(
  upstream: string,
  definition: SshDefinition,
  credentials: Credentials,
  timeouts: DialTimeouts,
  maxChannels = 8,
): Dial {
  const { host, port, user, prefix } = readUrl(definition.url);
  const hostKeys = definition.hostKeys.map(readHostKey);
  /** By fingerprint of the deploy key. */
  const pools = new Map<string, SshPool>();

  const poolFor = (key: DeployKey): SshPool => {
    const known = pools.get(key.fingerprint);
    if (known) return known;
    const pool = new SshPool({
      connect: async () => connectConfig(key),
      explain: (error) => explain(error, upstream, key),
      timeouts,
      maxChannels,
    });
    pools.set(key.fingerprint, pool);
    return pool;
  };

  const connectConfig = (key: DeployKey): ConnectConfig => ({
    host,
    port,
    username: user,
    authHandler: [publicKeyLogin(user, key)],
    algorithms: {
      cipher: [
        'aes128-gcm@openssh.com',
        'aes256-gcm@openssh.com',
        'chacha20-poly1305@openssh.com',
        'aes256-ctr',
      ],
      hmac: ['hmac-sha2-256-etm@openssh.com', 'hmac-sha2-512-etm@openssh.com', 'hmac-sha2-256'],
      serverHostKey: hostKeyAlgorithms(hostKeys),
      compress: ['none'],
    },
    hostVerifier: (shown: Buffer) => hostKeys.some((pinned) => sameBytes(pinned.blob, shown)),
  });

  const open = async (service: Service, path: string, signal: AbortSignal): Promise<ServiceStream> => {
    const command = `git-${service} ${quoted(`${prefix}/${checkedRepoPath(path)}.git`)}`;
    // receive-pack is spoken in version 0, so that its advertisement has one form.
    const env: Record<string, string> = service === 'upload-pack' ? { GIT_PROTOCOL: 'version=2' } : {};
    const pool = poolFor(credentials.deployKey(upstream, path));
    const first = await pool.exec(command, env, false);
    const stream = await speaking(first, timeouts, signal);
    if (stream) return stream;
    // A pooled connection had died unnoticed, and nothing was exchanged.
    const second = await speaking(await pool.exec(command, env, true), timeouts, signal);
    if (!second) throw new RefgateError('UPSTREAM_UNREACHABLE', 'upstream', 'it hung up');
    return second;
  };

  return {
    uploadPack: (path, { signal }) => statefulUploadPack(open, path, signal),
    receivePack: (path, { signal }) => statefulReceivePack(open, path, signal),
    without: [],
    close() {
      for (const pool of pools.values()) pool.close();
    },
  };
}

/** The channel as a service that has spoken; undefined when a reused connection broke before it said anything. */
async function speaking(
  opened: OpenedChannel,
  timeouts: DialTimeouts,
  signal: AbortSignal,
): Promise<ServiceStream | undefined> {
  const { channel, reused, release } = opened;
  let status: number | undefined;
  channel.once('exit', (code: number | null) => {
    status = code ?? -1;
  });
  const complaint = collectComplaint(channel.stderr);
  const input = inputOf(channel);
  const abort = (): void => {
    input.destroy();
    channel.close();
    // ssh2 announces the close only when everything was read.
    channel.resume();
    channel.stderr.resume();
    release();
  };
  let broken = false;
  try {
    await firstByte(channel, timeouts.firstByte, signal, async () => {
      await exitOf(channel, () => status);
      broken = status === undefined;
      return endedEarly(complaint(), status);
    });
  } catch (error) {
    abort();
    if (broken && reused) {
      release(true);
      return undefined;
    }
    throw error;
  }
  return { input, output: channel, complaint, abort };
}

/** Resolves when the exit status is known, or will not come. */
async function exitOf(channel: ClientChannel, status: () => number | undefined): Promise<void> {
  if (status() !== undefined) return;
  await new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, 1000);
    const done = (): void => {
      clearTimeout(timer);
      resolve();
    };
    channel.once('exit', done);
    channel.once('close', done);
  });
}

/** The writing side of a channel as a stream that fails, not hangs, when the channel has closed. */
function inputOf(channel: ClientChannel): Writable {
  const input = new Writable({
    highWaterMark: 256 * 1024,
    write(chunk: Buffer, _encoding, callback) {
      if (channel.writable) channel.write(chunk, (error) => callback(error ?? null));
      else callback(new Error('the upstream closed the channel'));
    },
    final(callback) {
      channel.end();
      callback();
    },
  });
  // Whoever writes is told by the write; with nobody writing there is nobody to tell.
  input.on('error', () => {});
  channel.once('close', () => input.destroy(new Error('the upstream closed the channel')));
  return input;
}

function readUrl(text: string): { host: string; port: number; user: string; prefix: string } {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url?.protocol !== 'ssh:' || url.hostname === '' || url.password !== '' || url.search || url.hash) {
    throw new RefgateError('CONFIG_INVALID', 'operator', `${text}: write ssh://USER@HOST[:PORT][/PREFIX]`);
  }
  return {
    host: url.hostname.replace(/^\[|\]$/g, ''),
    port: url.port === '' ? 22 : Number(url.port),
    user: decodeURIComponent(url.username) || 'git',
    prefix: decodeURIComponent(url.pathname).replace(/\/+$/, ''),
  };
}

function readHostKey(line: string): PinnedHostKey {
  const [type = '', base64 = ''] = line.trim().split(/\s+/);
  const parsed = ssh2.utils.parseKey(`${type} ${base64}`);
  if (parsed instanceof Error || parsed.isPrivateKey()) {
    const shown = cleanLine(line, 40);
    throw new RefgateError('CONFIG_INVALID', 'operator', `host key "${shown}": write a line of ssh-keyscan`);
  }
  return { type: parsed.type, blob: parsed.getPublicSSH() };
}

function publicKeyLogin(username: string, key: DeployKey): PublicKeyAuthMethod {
  return { type: 'publickey', username, key: key.privateKey.reveal() };
}

/** Only algorithms of pinned keys are offered, so that a host with several keys shows one of these. */
function hostKeyAlgorithms(keys: readonly PinnedHostKey[]): ServerHostKeyAlgorithm[] {
  const names = keys.flatMap(({ type }) => (type === 'ssh-rsa' ? ['rsa-sha2-512', 'rsa-sha2-256'] : [type]));
  return [...new Set(names)] as ServerHostKeyAlgorithm[];
}

function sameBytes(a: Buffer, b: Buffer): boolean {
  return a.length === b.length && timingSafeEqual(a, b);
}

/** In the form that every Git host's shell takes: single quotes. Plain names only, so nothing needs to be escaped. */
function quoted(path: string): string {
  if (!/^[A-Za-z0-9_.+@~/-]+$/.test(path)) {
    throw new RefgateError(
      'CONFIG_INVALID',
      'operator',
      `the path ${JSON.stringify(path)} holds unusual characters`,
    );
  }
  return `'${path}'`;
}

function explain(error: Error & { level?: string }, upstream: string, key: DeployKey): RefgateError {
  if (error instanceof RefgateError) return error;
  const { message } = error;
  if (/host denied|verification failed|no matching host key/i.test(message)) {
    const detail = `${upstream} did not show a pinned host key; compare hostKeys with ssh-keyscan from a trusted place`;
    return new RefgateError('UPSTREAM_HOST_KEY', 'operator', detail);
  }
  if (error.level === 'client-authentication') {
    const detail = `${upstream} does not accept the deploy key ${key.fingerprint}; add its public half there`;
    return new RefgateError('UPSTREAM_REFUSED', 'operator', detail);
  }
  if (error.level === 'client-timeout') return new RefgateError('UPSTREAM_TIMEOUT', 'upstream', upstream);
  return new RefgateError('UPSTREAM_UNREACHABLE', 'upstream', `${upstream}: ${cleanLine(message, 300)}`);
}
