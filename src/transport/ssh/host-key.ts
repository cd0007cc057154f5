/** The door's own key: Ed25519, in OpenSSH's private key format (PROTOCOL.key), so that ssh-keygen reads it. */
import { createHash, randomBytes } from 'node:crypto';
import { link, mkdir, open, readFile, rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import ssh2 from 'ssh2';
import { RefgateError } from '../../domain/error.ts';
import { newKeyPair } from './new-key.ts';

/** The host key as the SSH library wants it, and what people compare. */
export interface HostKey {
  readonly privateKey: string;
  /** `ssh-ed25519 AAAA...`, for known_hosts. */
  readonly publicLine: string;
  /** `SHA256:...`, as ssh shows it on first contact. */
  readonly fingerprint: string;
}

/**
 * Reads the host key, or makes one on the first start (0600). Throws
 * CONFIG_INVALID when others may read the file, or it is not an Ed25519 key.
 */
export async function loadHostKey(file: string): Promise<HostKey> {
  const privateKey = (await readGuarded(file)) ?? (await create(file));
  const parsed = ssh2.utils.parseKey(privateKey);
  if (parsed instanceof Error || parsed.type !== 'ssh-ed25519' || !parsed.isPrivateKey())
    throw new RefgateError(
      'CONFIG_INVALID',
      'operator',
      `${file} is not an unencrypted Ed25519 private key; make one with ssh-keygen -t ed25519 -N ''`,
    );
  const blob = parsed.getPublicSSH();
  const digest = createHash('sha256').update(blob).digest('base64').replace(/=+$/, '');
  return {
    privateKey,
    publicLine: `ssh-ed25519 ${blob.toString('base64')}`,
    fingerprint: `SHA256:${digest}`,
  };
}

async function readGuarded(file: string): Promise<string | undefined> {
  const found = await stat(file).catch((cause: NodeJS.ErrnoException) => {
    if (cause.code === 'ENOENT') return undefined;
    throw new RefgateError('CONFIG_INVALID', 'operator', `cannot read ${file}: ${cause.code}`, { cause });
  });
  if (found === undefined) return undefined;
  if ((found.mode & 0o077) !== 0)
    throw new RefgateError('CONFIG_INVALID', 'operator', `others may read ${file}; run chmod 600 ${file}`);
  return await readFile(file, 'utf8');
}

/** Written whole under another name first: a crash or a second process never leaves half a key. */
async function create(file: string): Promise<string> {
  const folder = dirname(file);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const draft = `${file}.${randomBytes(6).toString('hex')}.new`;
  const handle = await open(draft, 'wx', 0o600);
  try {
    await handle.writeFile(newKeyPair('refgate').private);
    await handle.sync();
  } finally {
    await handle.close();
  }
  try {
    // link, unlike rename, does not overwrite the key of a process that was quicker
    await link(draft, file).catch((cause: NodeJS.ErrnoException) => {
      if (cause.code !== 'EEXIST') throw cause;
    });
  } finally {
    await rm(draft, { force: true });
  }
  const directory = await open(folder, 'r');
  await directory.sync().finally(() => directory.close());
  return (await readGuarded(file)) as string;
}
