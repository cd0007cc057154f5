/**
 * Two ways to do one thing, measured in interleaved pairs (A B, then B A, ...),
 * because the machine is shared and its speed drifts: the ratio of a pair says
 * more than two means. CPU is user plus system time of the command and
 * everything that it waited for, from the shell's `time`.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { pathToFileURL } from 'node:url';

export interface Measured {
  readonly wallMs: number;
  readonly cpuMs: number;
}

export interface Comparison {
  readonly name: string;
  readonly pairs: number;
  /** Medians. */
  readonly a: Measured;
  readonly b: Measured;
  /** B / A of each pair: the median, and the least and greatest. */
  readonly wallRatio: { readonly median: number; readonly least: number; readonly greatest: number };
  readonly cpuRatio: number;
}

/** Runs both ways `pairs` times, after one pair that does not count (unless `warm` is false). */
export async function compare(
  name: string,
  pairs: number,
  a: () => Promise<Measured>,
  b: () => Promise<Measured>,
  { warm = true }: { readonly warm?: boolean } = {},
): Promise<Comparison> {
  if (warm) {
    await a();
    await b();
  }
  const results: { a: Measured; b: Measured }[] = [];
  for (let n = 0; n < pairs; n++) {
    if (n % 2 === 0) {
      const first = await a();
      results.push({ a: first, b: await b() });
    } else {
      const first = await b();
      results.push({ b: first, a: await a() });
    }
  }
  const ratios = results.map((pair) => pair.b.wallMs / pair.a.wallMs);
  return {
    name,
    pairs,
    a: medians(results.map((pair) => pair.a)),
    b: medians(results.map((pair) => pair.b)),
    wallRatio: { median: median(ratios), least: Math.min(...ratios), greatest: Math.max(...ratios) },
    cpuRatio: median(results.map((pair) => pair.b.cpuMs / Math.max(1, pair.a.cpuMs))),
  };
}

/** Runs a command to its end; an exit status other than 0 is an error. */
export async function timed(
  command: string,
  args: readonly string[],
  options: { cwd?: string; env?: NodeJS.ProcessEnv } = {},
): Promise<Measured> {
  const script = 'TIMEFORMAT="%R %U %S"; exec 4>&2; { time "$@" 2>&4; } 2>&3';
  const child = spawn('bash', ['-c', script, 'timed', command, ...args], {
    ...options,
    stdio: ['ignore', 'ignore', 'pipe', 'pipe'],
  });
  let times = '';
  let stderr = '';
  const closed = once(child, 'close');
  child.stdio[3]?.on('data', (piece: Buffer) => {
    times += piece.toString();
  });
  child.stderr?.on('data', (piece: Buffer) => {
    stderr = (stderr + piece.toString()).slice(-4_000);
  });
  const [status] = await closed;
  if (status !== 0) throw new Error(`${command} ${args.join(' ')} gave ${status}: ${stderr}`);
  const [wall = 0, user = 0, system = 0] = times.trim().split(' ').map(Number);
  return { wallMs: wall * 1000, cpuMs: (user + system) * 1000 };
}

/** One line of a table: medians in seconds, and the ratio of pairs with its range. */
export function formatComparison(result: Comparison): string {
  const seconds = (ms: number): string => `${(ms / 1000).toFixed(3)} s`;
  const { median: middle, least, greatest } = result.wallRatio;
  return (
    `${result.name}: direct ${seconds(result.a.wallMs)}, through ${seconds(result.b.wallMs)}, ` +
    `ratio ${middle.toFixed(2)} (${least.toFixed(2)} to ${greatest.toFixed(2)}), ` +
    `client CPU ratio ${result.cpuRatio.toFixed(2)}, ${result.pairs} pairs`
  );
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((x, y) => x - y);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2;
}

function medians(list: readonly Measured[]): Measured {
  return { wallMs: median(list.map((m) => m.wallMs)), cpuMs: median(list.map((m) => m.cpuMs)) };
}

/** `npm run bench -- compare PAIRS 'COMMAND A' 'COMMAND B'`. */
async function main(argv: readonly string[]): Promise<void> {
  const [pairs, a, b] = argv;
  if (a === undefined || b === undefined || !(Number(pairs) > 0)) {
    process.stderr.write("usage: npm run bench -- compare PAIRS 'COMMAND A' 'COMMAND B'\n");
    process.exitCode = 2;
    return;
  }
  const shell = (line: string) => () => timed('sh', ['-c', line]);
  process.stdout.write(`${formatComparison(await compare('B to A', Number(pairs), shell(a), shell(b)))}\n`);
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  await main(process.argv.slice(2));
}
