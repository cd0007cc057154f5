/** Memory and CPU of a process and its children, from proc(5). */
import { readdirSync, readFileSync } from 'node:fs';

/** Clock ticks per second: USER_HZ is 100 on every Linux that Node runs on. */
const ticksPerSecond = 100;

/** Resident set in bytes; 0 when the process is gone. */
export function residentBytes(pid: number): number {
  const match = /^VmRSS:\s+(\d+) kB$/m.exec(readOrEmpty(`/proc/${pid}/status`));
  return Number(match?.[1] ?? 0) * 1024;
}

/** User plus system time of a process, in ms, without its children. */
export function cpuMs(pid: number): number {
  return ticksOf(pid, 11) + ticksOf(pid, 12);
}

/** The same of the children that it has waited for, and theirs. */
export function endedChildrenCpuMs(pid: number): number {
  return ticksOf(pid, 13) + ticksOf(pid, 14);
}

function ticksOf(pid: number, field: number): number {
  const stat = readOrEmpty(`/proc/${pid}/stat`);
  // The name in parentheses may hold spaces; what follows it does not.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[field] ?? 0) * 1000) / ticksPerSecond;
}

/** The processes that were started by the main thread of a process and are alive. */
export function childrenOf(pid: number): number[] {
  return childrenOfThread(pid, pid);
}

const childrenOfThread = (pid: number, thread: number | string): number[] =>
  readOrEmpty(`/proc/${pid}/task/${thread}/children`).split(' ').filter(Boolean).map(Number);

/** Resident sets of the processes of one program that any thread of a process started, in bytes; what they share counts for each. */
export function childrenBytes(pid: number, program: string): number {
  let bytes = 0;
  for (const thread of threadsOf(pid))
    for (const child of childrenOfThread(pid, thread))
      if (readOrEmpty(`/proc/${child}/comm`).trim() === program) bytes += residentBytes(child);
  return bytes;
}

function threadsOf(pid: number): readonly string[] {
  try {
    return readdirSync(`/proc/${pid}/task`);
  } catch {
    return [];
  }
}

/** Samples the resident set every 50 ms while `work` runs; gives its result and the peak in bytes. */
export function peakWhile<T>(pid: number, work: () => Promise<T>): Promise<{ result: T; peak: number }> {
  return greatestWhile(() => residentBytes(pid), work);
}

/** The greatest of what `measure` gives every 50 ms while `work` runs. */
export async function greatestWhile<T>(
  measure: () => number,
  work: () => Promise<T>,
): Promise<{ result: T; peak: number }> {
  let peak = measure();
  const timer = setInterval(() => {
    peak = Math.max(peak, measure());
  }, 50);
  try {
    const result = await work();
    return { result, peak };
  } finally {
    clearInterval(timer);
  }
}

function readOrEmpty(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}
