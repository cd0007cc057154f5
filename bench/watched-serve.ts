/**
 * `refgate`, with the same arguments, that tells its memory after a full
 * collection and the lag of its event loop since it told them last: one JSON
 * line more in the file that REFGATE_BENCH_FILE names, for each SIGUSR2.
 */
import { appendFileSync } from 'node:fs';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** All sizes in bytes, of the main thread but for `rss`; times in ms. */
export interface Told {
  readonly rss: number;
  readonly heapUsed: number;
  readonly external: number;
  readonly lagMedian: number;
  readonly lag99: number;
  readonly lagMax: number;
}

const file = process.env['REFGATE_BENCH_FILE'];
if (file !== undefined) {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  const resolution = 5;
  const lag = monitorEventLoopDelay({ resolution });
  lag.enable();
  process.on('SIGUSR2', () => {
    const ms = (nanoseconds: number): number => Math.max(0, nanoseconds / 1e6 - resolution);
    const lags = { lagMedian: ms(lag.percentile(50)), lag99: ms(lag.percentile(99)), lagMax: ms(lag.max) };
    collect();
    collect();
    const { rss, heapUsed, external } = process.memoryUsage();
    appendFileSync(file, `${JSON.stringify({ rss, heapUsed, external, ...lags } satisfies Told)}\n`);
    setImmediate(() => lag.reset());
  });
}
await import('../src/cli/main.ts');
