/** Memory and CPU of a process and its children, from proc(5). */
import { readFileSync } from 'node:fs';

/** Clock ticks per second: USER_HZ is 100 on every Linux that Node runs on. */
const ticksPerSecond = 100;

/** Resident set in bytes; 0 when the process is gone. */
export function residentBytes(pid: number): number {
  const match = /^VmRSS:\s+(\d+) kB$/m.exec(readOrEmpty(`/proc/${pid}/status`));
  return Number(match?.[1] ?? 0) * 1024;
}

/** User plus system time of a process, in ms, without its children. */
export function cpuMs(pid: number): number {
  const stat = readOrEmpty(`/proc/${pid}/stat`);
  // The name in parentheses may hold spaces; what follows it does not.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return ((Number(fields[11] ?? 0) + Number(fields[12] ?? 0)) * 1000) / ticksPerSecond;
}

/** The processes that were started by a process and are alive. */
export function childrenOf(pid: number): number[] {
  return readOrEmpty(`/proc/${pid}/task/${pid}/children`).split(' ').filter(Boolean).map(Number);
}

/** Samples the resident set every 50 ms while `work` runs; gives its result and the peak in bytes. */
export async function peakWhile<T>(
  pid: number,
  work: () => Promise<T>,
): Promise<{ result: T; peak: number }> {
  let peak = residentBytes(pid);
  const timer = setInterval(() => {
    peak = Math.max(peak, residentBytes(pid));
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
