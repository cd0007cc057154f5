/** The memory of another process, as a debugger sees it. */
import { closeSync, openSync, readFileSync, readSync } from 'node:fs';

const chunkBytes = 4 * 2 ** 20;

/** Why the memory of a process cannot be read here; false when it can. */
export function isMemoryClosed(pid: number): string | false {
  try {
    closeSync(openSync(`/proc/${pid}/mem`, 'r'));
    return false;
  } catch (error) {
    return `the memory of another process cannot be read here: ${String(error)}`;
  }
}

/** The names of the needles that are somewhere in the readable memory of the process. */
export function findInMemory(pid: number, needles: ReadonlyMap<string, Buffer>): Set<string> {
  const longest = Math.max(...[...needles.values()].map((needle) => needle.length));
  const found = new Set<string>();
  const chunk = Buffer.alloc(chunkBytes + longest);
  const memory = openSync(`/proc/${pid}/mem`, 'r');
  try {
    for (const { from, to } of readableMappings(pid)) {
      for (let at = from; at < to; at += chunkBytes) {
        const read = readAt(memory, chunk, at, Math.min(chunk.length, to - at));
        const bytes = chunk.subarray(0, read);
        for (const [name, needle] of needles) if (!found.has(name) && bytes.includes(needle)) found.add(name);
      }
    }
  } finally {
    closeSync(memory);
  }
  return found;
}

interface Mapping {
  readonly from: number;
  readonly to: number;
}

function readableMappings(pid: number): Mapping[] {
  const maps = readFileSync(`/proc/${pid}/maps`, 'utf8').matchAll(
    /^([0-9a-f]+)-([0-9a-f]+) r\S+ \S+ \S+ \d+ *(.*)$/gm,
  );
  return [...maps]
    .filter(([, , , name]) => !name?.startsWith('[v'))
    .map(([, from = '', to = '']) => ({ from: Number.parseInt(from, 16), to: Number.parseInt(to, 16) }));
}

/** 0 for a page that is mapped and cannot be read. */
function readAt(memory: number, into: Buffer, at: number, length: number): number {
  try {
    return readSync(memory, into, 0, length, at);
  } catch {
    return 0;
  }
}
