import { RefgateError } from '../../domain/error.ts';
import { Secret } from '../../domain/secret.ts';
import type { VaultOperation } from '../../upstream/link-job.ts';
import type { HeldCredential } from '../../upstream/link-vault.ts';
import { createKeyPair, importKeyPair, type KeyPair } from './deploy-key.ts';
import type { Vault } from './vault.ts';

/** The most bytes of a secret that is handed in. */
const secretLimit = 64 * 1024;

/**
 * Does the one thing that a signed job names. The body is the secret, where
 * there is one; the answer never holds any. USAGE, CONFLICT, NOT_FOUND.
 */
export async function changeVault(
  vault: Vault,
  operation: VaultOperation,
  body: AsyncIterable<Buffer>,
): Promise<readonly HeldCredential[]> {
  switch (operation.do) {
    case 'list':
      return vault.list(operation.upstream);
    case 'deploy-key-create':
      return putKey(vault, operation, createKeyPair(commentOf(operation)));
    case 'deploy-key-import':
      return putKey(vault, operation, importKeyPair(await readSecret(body), commentOf(operation)));
    case 'deploy-key-remove':
      await vault.remove({ kind: 'deploy-key', upstream: operation.upstream, pattern: operation.pattern });
      return [];
    case 'credential-set': {
      const { upstream, pattern, user } = operation;
      const entry: HeldCredential = {
        kind: 'login',
        upstream,
        pattern,
        user,
        createdAt: new Date().toISOString(),
      };
      await vault.put(entry, oneLine(await readSecret(body)));
      return [entry];
    }
    case 'credential-remove':
      await vault.remove({ kind: 'login', upstream: operation.upstream, pattern: operation.pattern });
      return [];
  }
}

async function putKey(
  vault: Vault,
  { upstream, pattern }: { upstream: string; pattern: string },
  { publicKey, fingerprint, privateKey }: KeyPair,
): Promise<readonly HeldCredential[]> {
  const createdAt = new Date().toISOString();
  const entry: HeldCredential = { kind: 'deploy-key', upstream, pattern, publicKey, fingerprint, createdAt };
  await vault.put(entry, privateKey);
  return [entry];
}

function commentOf({ upstream, pattern }: { upstream: string; pattern: string }): string {
  return `refgate ${upstream} ${pattern}`;
}

async function readSecret(body: AsyncIterable<Buffer>): Promise<Secret<string>> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of body) {
    bytes += chunk.length;
    if (bytes > secretLimit) throw new RefgateError('USAGE', 'operator', 'the secret is longer than 64 KiB');
    chunks.push(chunk);
  }
  if (bytes === 0) throw new RefgateError('USAGE', 'operator', 'the secret is empty');
  return new Secret(Buffer.concat(chunks).toString('utf8'));
}

/** A password file usually ends with a line end that is not part of the password. */
function oneLine(secret: Secret<string>): Secret<string> {
  const text = secret.reveal().replace(/\r?\n$/, '');
  if (text === '' || /[\r\n]/.test(text)) {
    throw new RefgateError('USAGE', 'operator', 'the password must be one line');
  }
  return new Secret(text);
}
