import { closeSync, copyFileSync, linkSync, mkdirSync, openSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ObjectFormat } from '../domain/git.ts';
import { formatPackIndex, type IndexColumns } from '../git/pack-index.ts';
import { writeFully } from './delta-content.ts';

/** Lays out a bare repository, gitrepository-layout(5), without objects and refs. */
export function createGitDir(dir: string, format: ObjectFormat): void {
  mkdirSync(join(dir, 'objects', 'pack'), { recursive: true, mode: 0o700 });
  mkdirSync(join(dir, 'refs'));
  writeFileSync(join(dir, 'HEAD'), 'ref: refs/heads/main\n');
  const version = format === 'sha256' ? 1 : 0;
  const extensions = format === 'sha256' ? '[extensions]\n\tobjectFormat = sha256\n' : '';
  writeFileSync(
    join(dir, 'config'),
    `[core]\n\trepositoryFormatVersion = ${version}\n\tbare = true\n${extensions}`,
  );
}

/** Makes a pack file part of the repository, by a second name where the file system has them, and writes its idx. */
export function installPack(
  dir: string,
  packFile: string,
  packHash: Buffer,
  columns: IndexColumns,
  order: Uint32Array,
  format: ObjectFormat,
): void {
  const name = join(dir, 'objects', 'pack', `pack-${packHash.toString('hex')}`);
  try {
    linkSync(packFile, `${name}.pack`);
  } catch {
    copyFileSync(packFile, `${name}.pack`);
  }
  const fd = openSync(`${name}.idx`, 'wx', 0o600);
  try {
    for (const piece of formatPackIndex(columns, order, packHash, format))
      writeFully(fd, piece, 0, piece.length);
  } finally {
    closeSync(fd);
  }
}
