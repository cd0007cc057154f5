import { randomBytes } from 'node:crypto';
import { open, readFile, stat } from 'node:fs/promises';
import { RefgateError } from '../../domain/error.ts';
import { Secret } from '../../domain/secret.ts';

/**
 * The key that the vault is encrypted with: from the text of REFGATE_VAULT_KEY
 * (64 hex digits), else from the file, which is made with mode 0600 when there is
 * none. CONFIG_INVALID when it is malformed, or readable by others.
 */
export async function loadVaultKey(
  file: string,
  fromEnvironment: string | undefined,
): Promise<Secret<Buffer>> {
  if (fromEnvironment !== undefined) return parseKey(fromEnvironment, 'REFGATE_VAULT_KEY');
  const made = await makeKey(file);
  if (made) return made;
  const { mode } = await stat(file);
  if ((mode & 0o077) !== 0) {
    throw new RefgateError('CONFIG_INVALID', 'operator', `${file} can be read by others; chmod 600 ${file}`);
  }
  return parseKey(await readFile(file, 'utf8'), file);
}

/** Undefined when the file is there already. */
async function makeKey(file: string): Promise<Secret<Buffer> | undefined> {
  try {
    const handle = await open(file, 'wx', 0o600);
    try {
      const key = randomBytes(32);
      await handle.writeFile(`${key.toString('hex')}\n`);
      await handle.sync();
      return new Secret(key);
    } finally {
      await handle.close();
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return undefined;
    throw error;
  }
}

function parseKey(text: string, place: string): Secret<Buffer> {
  if (!/^[0-9a-fA-F]{64}$/.test(text.trim())) {
    throw new RefgateError('CONFIG_INVALID', 'operator', `${place} is not 64 hex digits`);
  }
  return new Secret(Buffer.from(text.trim(), 'hex'));
}
