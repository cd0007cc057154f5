/** Processes of this machine as proc(5) shows them. */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

/** The processes that work in a folder, or have its path on their command line. */
export function processesAt(folder: string): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => isAlive(pid) && (cwdOf(pid) === folder || read(pid, 'cmdline').includes(folder)));
}

/** Processes that a process started, and theirs. */
export function descendantsOf(pid: number): number[] {
  const children = read(pid, `task/${pid}/children`).split(' ').filter(Boolean).map(Number);
  return children.flatMap((child) => [child, ...descendantsOf(child)]);
}

/** What was typed to start a process; its words end with NUL. */
export const commandOf = (pid: number): string => read(pid, 'cmdline');

/** A zombie has ended. */
export const isAlive = (pid: number): boolean => /^State:\s+[^ZX]/m.test(read(pid, 'status'));

/** How many sockets a process has open. */
export function socketsOf(pid: number): number {
  const files = readdirSync(`/proc/${pid}/fd`);
  return files.filter((file) => linkOf(`/proc/${pid}/fd/${file}`).startsWith('socket:')).length;
}

/** Resident memory in MiB: now, and the most that it has been. */
export function memoryOf(pid: number): { readonly now: number; readonly most: number } {
  const field = (name: string): number =>
    Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(read(pid, 'status'))?.[1] ?? 0) / 1024;
  return { now: field('VmRSS'), most: field('VmHWM') };
}

const cwdOf = (pid: number): string => linkOf(`/proc/${pid}/cwd`);

function linkOf(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return '';
  }
}

/** Empty when the process is gone. */
function read(pid: number, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8');
  } catch {
    return '';
  }
}
