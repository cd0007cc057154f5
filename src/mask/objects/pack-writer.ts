import {
  closeSync,
  fsyncSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import type { ObjectFormat } from '../../domain/git.ts';
import { formatPackIndex, sortOids } from '../../git/pack-index.ts';
import { hashBytes } from '../../git/pack-stream.ts';
import { syncFolder } from '../sync-folder.ts';
import { type PackSink, type WrittenPack, writePackFile } from './pack-file.ts';
import type { PackRows } from './pack-rows.ts';

/** Writes a pack and its idx into a repository. */
export interface PackWriter extends PackSink {
  /**
   * Makes the pack part of the repository: on disk (synced) with its idx before either has its name. Undefined where
   * nothing was added; then nothing is left.
   */
  finish(): Promise<{ readonly name: string; readonly objects: number } | undefined>;
}

/**
 * Begins a pack for the bare repository in `gitDir`. What is unfinished is in a folder of its own below `temporary`,
 * which must be on the same file system, and is removed by `finish` and `abort`.
 */
export function createPackWriter(options: {
  readonly gitDir: string;
  readonly format: ObjectFormat;
  readonly temporary: string;
}): PackWriter {
  mkdirSync(options.temporary, { recursive: true, mode: 0o700 });
  const folder = mkdtempSync(join(options.temporary, 'pack-'));
  const pack = writePackFile(join(folder, 'pack'), options.format);
  const remove = (): void => {
    pack.abort();
    rmSync(folder, { recursive: true, force: true });
  };
  return {
    add: (type, content, how) => pack.add(type, content, how),
    has: (oid) => pack.has(oid),
    get count() {
      return pack.count;
    },
    get bytes() {
      return pack.bytes;
    },
    drain: () => pack.drain(),
    abort: remove,
    async finish() {
      try {
        const written = await pack.finish();
        return written && install(options.gitDir, folder, written, pack.rows, options.format);
      } finally {
        remove();
      }
    },
  };
}

/** The idx last: without it git does not see the pack. */
function install(
  gitDir: string,
  folder: string,
  pack: WrittenPack,
  rows: PackRows,
  format: ObjectFormat,
): { name: string; objects: number } {
  const idx = join(folder, 'idx');
  writeIndex(idx, pack, rows, format);
  const packs = join(gitDir, 'objects', 'pack');
  const name = `pack-${pack.packHash.toString('hex')}`;
  renameSync(pack.file, join(packs, `${name}.pack`));
  renameSync(idx, join(packs, `${name}.idx`));
  syncFolder(packs);
  return { name, objects: pack.objects };
}

function writeIndex(file: string, pack: WrittenPack, rows: PackRows, format: ObjectFormat): void {
  const { columns } = rows;
  const order = sortOids(
    columns.oids,
    hashBytes(format),
    Uint32Array.from({ length: rows.count }, (_, row) => row),
  );
  const fd = openSync(file, 'wx', 0o600);
  try {
    for (const piece of formatPackIndex(columns, order, pack.packHash, format))
      for (let done = 0; done < piece.length; ) done += writeSync(fd, piece, done);
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}
