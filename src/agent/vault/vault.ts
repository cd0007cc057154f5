import { mkdir, open, readFile, rename } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import { RefgateError } from '../../domain/error.ts';
import type { Secret } from '../../domain/secret.ts';
import { type HeldCredential, heldCredentialSchema } from '../../upstream/link-vault.ts';
import type { Credentials, DeployKey, Login } from './credentials.ts';
import { parseRepoPattern } from './pattern.ts';
import { seal, unseal } from './seal.ts';
import { loadVaultKey } from './vault-key.ts';

const entrySchema = heldCredentialSchema.extend({ sealed: z.string() });

const fileSchema = z.strictObject({ v: z.literal(1), entries: z.array(entrySchema) });

type VaultEntry = z.infer<typeof entrySchema>;

/**
 * The credentials of the upstreams, encrypted at rest, one file. Every change is
 * on disk before it counts. One process owns it.
 */
export class Vault implements Credentials {
  readonly #file: string;
  readonly #key: Secret<Buffer>;
  #entries: readonly VaultEntry[];
  /** The last change; the next one waits for it. */
  #changing: Promise<void> = Promise.resolve();

  private constructor(file: string, key: Secret<Buffer>, entries: readonly VaultEntry[]) {
    this.#file = file;
    this.#key = key;
    this.#entries = entries;
  }

  /** Opens or makes `vault.json` and `vault.key` in a folder. CONFIG_INVALID when they cannot be used, or do not belong together. */
  static async open(folder: string, keyFromEnvironment?: string): Promise<Vault> {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    const file = join(folder, 'vault.json');
    const entries = await readEntries(file);
    const key = await loadVaultKey(join(folder, 'vault.key'), keyFromEnvironment);
    for (const entry of entries) unseal(entry.sealed, labelOf(entry), key);
    return new Vault(file, key, entries);
  }

  list(upstream?: string): readonly HeldCredential[] {
    const wanted = this.#entries.filter((entry) => upstream === undefined || entry.upstream === upstream);
    return wanted.map(({ sealed: _, ...shown }) => shown);
  }

  /** Puts an entry. CONFLICT when a deploy key is there already; a login is replaced. */
  async put(entry: HeldCredential, secret: Secret<string>): Promise<void> {
    parseRepoPattern(entry.pattern);
    await this.#change((entries) => {
      const others = entries.filter((other) => !samePlace(other, entry));
      if (entry.kind === 'deploy-key' && others.length < entries.length) {
        throw new RefgateError(
          'CONFLICT',
          'operator',
          `there is a deploy key for ${placeOf(entry)}; remove it first`,
        );
      }
      return [...others, { ...entry, sealed: seal(secret, labelOf(entry), this.#key) }];
    });
  }

  /** NOT_FOUND when there is none. */
  async remove(entry: Pick<VaultEntry, 'kind' | 'upstream' | 'pattern'>): Promise<void> {
    await this.#change((entries) => {
      const others = entries.filter((other) => !samePlace(other, entry));
      if (others.length === entries.length) {
        throw new RefgateError('NOT_FOUND', 'operator', `there is no ${entry.kind} for ${placeOf(entry)}`);
      }
      return others;
    });
  }

  deployKey(upstream: string, path: string): DeployKey {
    const entry = this.#find('deploy-key', upstream, path);
    if (!entry) {
      const command = `refgate deploy-key create --upstream ${upstream} --repo ${path}`;
      throw new RefgateError('CREDENTIAL_MISSING', 'operator', `${path}; add one with: ${command}`);
    }
    return { fingerprint: entry.fingerprint ?? '', privateKey: this.#reveal(entry) };
  }

  login(upstream: string, path: string): Login {
    const entry = this.#find('login', upstream, path);
    if (!entry) {
      const command = `refgate upstream credential ${upstream} --user NAME --password-file FILE`;
      throw new RefgateError('CREDENTIAL_MISSING', 'operator', `${path}; add one with: ${command}`);
    }
    return { user: entry.user ?? '', password: this.#reveal(entry) };
  }

  #reveal(entry: VaultEntry): Secret<string> {
    return unseal(entry.sealed, labelOf(entry), this.#key);
  }

  #find(kind: VaultEntry['kind'], upstream: string, path: string): VaultEntry | undefined {
    let best: { entry: VaultEntry; weight: number } | undefined;
    for (const entry of this.#entries) {
      if (entry.kind !== kind || entry.upstream !== upstream) continue;
      const pattern = parseRepoPattern(entry.pattern);
      if (pattern.matches(path) && (!best || pattern.weight > best.weight))
        best = { entry, weight: pattern.weight };
    }
    return best?.entry;
  }

  #change(edit: (entries: readonly VaultEntry[]) => readonly VaultEntry[]): Promise<void> {
    const done = this.#changing.then(async () => {
      const entries = edit(this.#entries);
      await writeDurably(this.#file, `${JSON.stringify({ v: 1, entries }, null, 2)}\n`);
      this.#entries = entries;
    });
    this.#changing = done.catch(() => {});
    return done;
  }
}

async function readEntries(file: string): Promise<readonly VaultEntry[]> {
  try {
    return fileSchema.parse(JSON.parse(await readFile(file, 'utf8'))).entries;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw new RefgateError('CONFIG_INVALID', 'operator', `${file} is not a vault; restore it from a backup`);
  }
}

/** The old file or the new one is there whenever power fails: new file synced, renamed, folder synced. */
async function writeDurably(file: string, text: string): Promise<void> {
  const fresh = `${file}.new`;
  const handle = await open(fresh, 'w', 0o600);
  try {
    await handle.writeFile(text);
    await handle.sync();
  } finally {
    await handle.close();
  }
  await rename(fresh, file);
  const folder = await open(dirname(file), 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

function samePlace(a: Pick<VaultEntry, 'kind' | 'upstream' | 'pattern'>, b: typeof a): boolean {
  return a.kind === b.kind && a.upstream === b.upstream && a.pattern === b.pattern;
}

function placeOf(entry: Pick<VaultEntry, 'upstream' | 'pattern'>): string {
  return `${entry.upstream} ${entry.pattern}`;
}

/** Everything that says what the secret is for, so that entries cannot be exchanged in the file. */
function labelOf(entry: HeldCredential): string {
  return JSON.stringify([entry.kind, entry.upstream, entry.pattern, entry.user ?? entry.fingerprint ?? '']);
}
