import { randomBytes } from 'node:crypto';
import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { RefgateError } from '../../domain/error.ts';
import type { Oid } from '../../domain/git.ts';
import { syncFolder } from '../sync-folder.ts';
import { openPinFile, type PinFile } from './pin-file.ts';
import type { Pin } from './view-rows.ts';

const keyBytes = 32;

/** What of a repository cannot be made again: its key and its pins. The folder is the backup. */
export interface KeepFolder {
  /** 32 bytes. */
  readonly key: Buffer;
  readonly pinCount: number;
  pinOf(original: Oid): Pin | undefined;
  /** The same without the content. */
  pinnedView(original: Oid): Omit<Pin, 'content'> | undefined;
  /** Of a view that is pinned, or was before its original was pinned again. */
  pinnedOriginal(view: Oid): { readonly type: 'commit' | 'tag'; readonly original: Oid } | undefined;
  pinnedOriginals(): Iterable<Oid>;
  pinnedViews(): Iterable<Oid>;
  /** On disk (synced) when it returns. The last pin of an original counts. */
  addPins(pins: readonly { readonly original: Oid; readonly pin: Pin }[]): void;
  close(): void;
}

/**
 * Opens the folder, which is made with mode 0700 when it is not there, with a new key. The end of `pins` that a crash
 * left unfinished is cut off. Throws CONFIG_INVALID where anything else is damaged: only a backup helps then.
 */
export function openKeepFolder(dir: string): KeepFolder {
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  const pinsFile = join(dir, 'pins');
  const key = readKey(join(dir, 'key')) ?? makeKey(dir, pinsFile);
  return new Keep(key, openPinFile(pinsFile));
}

function readKey(file: string): Buffer | undefined {
  if (!existsSync(file)) return undefined;
  const key = readFileSync(file);
  if (key.length === keyBytes) return key;
  const detail = `${file} has ${key.length} bytes instead of ${keyBytes}; restore it from a backup`;
  throw new RefgateError('CONFIG_INVALID', 'operator', detail);
}

/** Whole under its name, or not there: written beside it, synced, and then named. */
function makeKey(dir: string, pinsFile: string): Buffer {
  const file = join(dir, 'key');
  if (existsSync(pinsFile)) {
    const detail = `${file} is not there, but ${pinsFile} is; restore it from a backup`;
    throw new RefgateError('CONFIG_INVALID', 'operator', detail);
  }
  const key = randomBytes(keyBytes);
  const unfinished = `${file}.new`;
  rmSync(unfinished, { force: true });
  const fd = openSync(unfinished, 'wx', 0o600);
  try {
    writeSync(fd, key);
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
  renameSync(unfinished, file);
  syncFolder(dir);
  return key;
}

class Keep implements KeepFolder {
  readonly key: Buffer;
  readonly #file: PinFile;

  constructor(key: Buffer, file: PinFile) {
    this.key = key;
    this.#file = file;
  }

  get pinCount(): number {
    return this.#file.byOriginal.size;
  }

  pinOf(original: Oid): Pin | undefined {
    const place = this.#file.byOriginal.get(original);
    if (place === undefined) return undefined;
    return { view: place.view, type: place.type, content: this.#file.contentOf(place) };
  }

  pinnedView(original: Oid): Omit<Pin, 'content'> | undefined {
    return this.#file.byOriginal.get(original);
  }

  pinnedOriginal(view: Oid): { type: 'commit' | 'tag'; original: Oid } | undefined {
    return this.#file.byView.get(view);
  }

  pinnedOriginals(): Iterable<Oid> {
    return this.#file.byOriginal.keys();
  }

  pinnedViews(): Iterable<Oid> {
    return this.#file.byView.keys();
  }

  addPins(pins: readonly { readonly original: Oid; readonly pin: Pin }[]): void {
    this.#file.append(pins);
  }

  close(): void {
    this.#file.close();
  }
}
