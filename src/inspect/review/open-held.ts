import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { ObjectFormat } from '../../domain/git.ts';
import { damaged } from './file-blocks.ts';
import { HeldPackReader } from './pack-reader.ts';

/** A held push has one pack, or none when it brings no objects. */
const maxPacks = 4;

/**
 * The packs of a held push, to be closed by the caller. Undefined when its
 * directory is not there: the push was decided. Throws INTERNAL when what is there is damaged.
 * @param gitDir its bare repository in quarantine.
 */
export async function openHeldPacks(
  gitDir: string,
  format: ObjectFormat,
): Promise<readonly HeldPackReader[] | undefined> {
  const dir = join(gitDir, 'objects', 'pack');
  const packs: HeldPackReader[] = [];
  try {
    const names = (await readdir(dir)).filter((name) => name.endsWith('.idx'));
    if (names.length > maxPacks) throw damaged(`it became ${names.length} packs`);
    for (const name of names) packs.push(await HeldPackReader.open(join(dir, name.slice(0, -4)), format));
    return packs;
  } catch (error) {
    for (const pack of packs) await pack.close();
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
