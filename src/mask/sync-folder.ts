import { closeSync, fsyncSync, openSync } from 'node:fs';

/** Makes names in the folder durable. */
export function syncFolder(dir: string): void {
  const fd = openSync(dir, 'r');
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}
