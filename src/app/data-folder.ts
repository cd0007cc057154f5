import {
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  randomBytes,
} from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { RefgateError } from '../domain/error.ts';
import type { RunState } from './run-state.ts';

/** sockaddr_un holds 108 bytes, one of which is the closing NUL; the longest name of ours is added. */
const longestSocketFolder = 107 - '/admin.sock'.length;

/** Makes the folder that holds everything of this server, mode 0700. @throws CONFIG_INVALID, also when its database is gone */
export function openDataFolder(data: string): void {
  try {
    mkdirSync(data, { recursive: true, mode: 0o700 });
    chmodSync(data, 0o700);
  } catch (cause) {
    throw new RefgateError('CONFIG_INVALID', 'operator', `data: ${data} cannot be made or is not ours`, {
      cause,
    });
  }
  // The key is made after the database: with the one and without the other, a ledger was lost, and a new one must not begin in its place.
  if (existsSync(join(data, 'gateway.key')) && !existsSync(join(data, 'store'))) {
    const detail = `data: ${data} was in use, but its database, store, is gone; restore it, or begin with an empty folder`;
    throw new RefgateError('CONFIG_INVALID', 'operator', detail);
  }
}

/** A folder for sockets, 0700: below the data folder, or below the system's for temporary files where that path is too long. */
export function openSocketFolder(data: string): { readonly path: string; remove(): void } {
  const inside = join(data, 'run');
  if (Buffer.byteLength(inside) <= longestSocketFolder) {
    rmSync(inside, { recursive: true, force: true });
    mkdirSync(inside, { mode: 0o700 });
    return { path: inside, remove: () => rmSync(inside, { recursive: true, force: true }) };
  }
  const outside = mkdtempSync(join(tmpdir(), 'refgate-'));
  return { path: outside, remove: () => rmSync(outside, { recursive: true, force: true }) };
}

/** The Ed25519 key with which the gateway signs jobs for agents; made on first start, 0600. The public half lies beside it. */
export function openGatewayKey(data: string): {
  readonly privateKey: KeyObject;
  readonly publicFile: string;
} {
  const file = join(data, 'gateway.key');
  const publicFile = join(data, 'gateway.pub');
  if (!existsSync(file)) {
    const made = generateKeyPairSync('ed25519').privateKey;
    writeFileSync(file, made.export({ type: 'pkcs8', format: 'pem' }), {
      mode: 0o600,
      flag: 'wx',
      flush: true,
    });
  }
  try {
    const privateKey = createPrivateKey(readFileSync(file));
    writeFileSync(publicFile, createPublicKey(privateKey).export({ type: 'spki', format: 'pem' }), {
      mode: 0o644,
    });
    return { privateKey, publicFile };
  } catch (cause) {
    throw new RefgateError(
      'CONFIG_INVALID',
      'operator',
      `${file} is not a private key; restore it, or remove it and restart`,
      { cause },
    );
  }
}

/** The key of the fingerprints by which findings are recognised again, 32 bytes; made on first start, 0600. @throws CONFIG_INVALID */
export function openFingerprintKey(data: string): Buffer {
  const file = join(data, 'fingerprint.key');
  if (!existsSync(file)) writeFileSync(file, randomBytes(32), { mode: 0o600, flag: 'wx', flush: true });
  const key = readFileSync(file);
  if (key.length === 32) return key;
  const detail = `${file} does not hold 32 bytes; restore it, or remove it and write the baselines anew`;
  throw new RefgateError('CONFIG_INVALID', 'operator', detail);
}

export function writeRunState(data: string, state: RunState): void {
  writeFileSync(join(data, 'run.json'), JSON.stringify(state), { mode: 0o600 });
}

export function removeRunState(data: string): void {
  rmSync(join(data, 'run.json'), { force: true });
}
