/** A quarantine of its own for a test file, and short ways to hold bytes in it. */
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after } from 'node:test';
import { RefgateError } from '../../src/domain/error.ts';
import type { HeldPack } from '../../src/domain/ports.ts';
import {
  defaultPackLimits,
  type HoldOptions,
  type PackLimits,
  Quarantine,
} from '../../src/inspect/quarantine.ts';
import { QuietLog } from './quiet-log.ts';

export type HoldExtras = Partial<Omit<HoldOptions, 'id'>>;

export interface TestQuarantine {
  readonly dir: string;
  readonly quarantine: Quarantine;
  /** @param pieces one buffer, or the stream cut as given. */
  hold(pieces: Buffer | readonly Buffer[], extras?: HoldExtras): Promise<HeldPack>;
  /** `CODE/blame` of the refusal, or `held`; nothing stays on disk. */
  outcome(pieces: Buffer | readonly Buffer[], extras?: HoldExtras): Promise<string>;
  left(): string[];
}

/** Made once per test file; ends its threads and removes its folder after the last test. */
export function testQuarantine(limits: Partial<PackLimits> = {}): TestQuarantine {
  const dir = mkdtempSync(join(tmpdir(), 'refgate-quarantine-'));
  const quarantine = new Quarantine({
    dir,
    limits: { ...defaultPackLimits, ...limits },
    log: new QuietLog(),
  });
  after(async () => {
    await quarantine.close();
    rmSync(dir, { recursive: true, force: true });
  });
  let number = 0;
  const hold: TestQuarantine['hold'] = (pieces, extras = {}) =>
    quarantine.hold(streamOf(Buffer.isBuffer(pieces) ? [pieces] : pieces), {
      id: `t-${number++}`,
      objectFormat: 'sha1',
      borrow: async () => [],
      ...extras,
    });
  return {
    dir,
    quarantine,
    hold,
    outcome: async (pieces, extras) => {
      try {
        await (await hold(pieces, extras)).release();
        return 'held';
      } catch (error) {
        if (!(error instanceof RefgateError)) throw error;
        return `${error.code}/${error.blame}`;
      }
    },
    left: () => readdirSync(dir),
  };
}

export async function* streamOf(pieces: readonly Buffer[]): AsyncGenerator<Buffer> {
  yield* pieces;
}

/** The bytes in pieces of at most `size`. */
export function cut(bytes: Buffer, size: number): Buffer[] {
  return Array.from({ length: Math.ceil(bytes.length / size) }, (_, i) =>
    bytes.subarray(i * size, (i + 1) * size),
  );
}
