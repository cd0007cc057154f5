/** The files of refs, gitrepository-layout(5), read and written without a git of their own. */
import { mkdir, open, readdir, readFile, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Oid } from '../../domain/git.ts';
import { syncFolder } from '../sync-folder.ts';

const roots = ['refs/heads', 'refs/tags'] as const;
const shown = /^refs\/(?:heads|tags)\//;
const packedLine = /^([0-9a-f]{40}|[0-9a-f]{64}) (\S+)$/;
const looseText = /^([0-9a-f]{40}|[0-9a-f]{64})\n$/;

/** More are written by git. */
const mostWritten = 64;

/**
 * The branches and tags of a bare repository in the order of their names. Undefined where anything is there that is not
 * written so by us or by git's own files of refs: git is to be asked then.
 */
export async function readRefFiles(gitDir: string): Promise<Map<string, Oid> | undefined> {
  const refs = new Map<string, Oid>();
  try {
    // Loose ones last: they are newer.
    for (const line of (await textOf(join(gitDir, 'packed-refs'))).split('\n')) {
      if (line === '' || line.startsWith('#') || line.startsWith('^')) continue;
      const [, oid, ref] = packedLine.exec(line) ?? [];
      if (oid === undefined || ref === undefined) return undefined;
      if (shown.test(ref)) refs.set(ref, oid);
    }
    for (const root of roots)
      for (const ref of await namesBelow(gitDir, root)) {
        const oid = looseText.exec(await readFile(join(gitDir, ref), 'latin1'))?.[1];
        if (oid === undefined) return undefined;
        refs.set(ref, oid);
      }
  } catch {
    return undefined;
  }
  return new Map([...refs].sort(([a], [b]) => (a < b ? -1 : 1)));
}

const isMissing = (error: unknown): boolean => (error as NodeJS.ErrnoException).code === 'ENOENT';

async function textOf(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    if (isMissing(error)) return '';
    throw error;
  }
}

async function namesBelow(gitDir: string, folder: string): Promise<readonly string[]> {
  const names: string[] = [];
  try {
    for (const entry of await readdir(join(gitDir, folder), { withFileTypes: true })) {
      const name = `${folder}/${entry.name}`;
      if (entry.isDirectory()) names.push(...(await namesBelow(gitDir, name)));
      else if (!entry.name.endsWith('.lock')) names.push(name);
    }
  } catch (error) {
    if (!isMissing(error)) throw error;
  }
  return names;
}

/**
 * Moves some refs as git's transactions do: all of them are locked, then written and synced, then renamed one by one.
 * False where git is to do it, as where a lock or a folder is in the way; some may have been moved then. Nobody else may write
 * refs there. @param refs whole names that are valid
 */
export async function writeRefFiles(
  gitDir: string,
  refs: readonly (readonly [ref: string, oid: Oid])[],
): Promise<boolean> {
  if (refs.length > mostWritten) return false;
  const locks: { readonly lock: string; readonly file: string }[] = [];
  try {
    for (const [ref, oid] of refs) {
      const file = join(gitDir, ref);
      await mkdir(dirname(file), { recursive: true });
      const handle = await open(`${file}.lock`, 'wx', 0o600);
      locks.push({ lock: `${file}.lock`, file });
      try {
        await handle.writeFile(`${oid}\n`);
        await handle.sync();
      } finally {
        await handle.close();
      }
    }
    for (const { lock, file } of locks) await rename(lock, file);
    for (const folder of new Set(locks.map(({ file }) => dirname(file)))) syncFolder(folder);
    return true;
  } catch {
    for (const { lock } of locks) await rm(lock, { force: true });
    return false;
  }
}
