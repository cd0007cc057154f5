import { lstatSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';

/** A file as it was named or met, or why a place could not be looked at. */
export type WalkedFile =
  | { readonly file: string; readonly path: string; readonly size: number }
  | { readonly file: string; readonly unscanned: string };

/**
 * The regular files of a file or folder, sorted by name, so that two runs
 * agree. `path` is relative to the folder that was named, with `/`. Symbolic links
 * are followed only where they are named themselves; `.git` is left out, and so is what is no file.
 */
export function* walkFiles(named: string): Generator<WalkedFile> {
  const root = attempt(named, () => statSync(named));
  if ('unscanned' in root) yield root;
  else if (root.isFile()) yield { file: named, path: named.replace(/^(\.\/)+/, ''), size: root.size };
  else if (root.isDirectory()) yield* walkFolder(named);
  else yield { file: named, unscanned: 'it is neither a file nor a folder' };
}

function* walkFolder(root: string): Generator<WalkedFile> {
  const waiting = [''];
  for (let folder = waiting.pop(); folder !== undefined; folder = waiting.pop()) {
    const place = join(root, folder);
    const names = attempt(place, () => readdirSync(place).sort());
    if ('unscanned' in names) {
      yield names;
      continue;
    }
    const folders: string[] = [];
    for (const name of names) {
      if (name === '.git') continue;
      const path = folder === '' ? name : `${folder}/${name}`;
      const file = join(root, path);
      const stat = attempt(file, () => lstatSync(file));
      if ('unscanned' in stat) yield stat;
      else if (stat.isDirectory()) folders.push(path);
      else if (stat.isFile()) yield { file, path, size: stat.size };
    }
    waiting.push(...folders.reverse());
  }
}

function attempt<T extends object>(
  file: string,
  run: () => T,
): T | { readonly file: string; readonly unscanned: string } {
  try {
    return run();
  } catch (error) {
    return { file, unscanned: `it cannot be read (${(error as NodeJS.ErrnoException).code ?? error})` };
  }
}
