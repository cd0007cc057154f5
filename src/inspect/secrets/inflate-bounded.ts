import { constants, inflateRawSync } from 'node:zlib';
import type { Work } from './work.ts';

/** About what starting the inflater costs. */
export const unitsPerStart = 20_000;
export const unitsPerByte = 4;

/**
 * What deflated data hold, as far as the account of decoded bytes goes, and
 * how much of them that took. What is broken is given up to where it breaks.
 * Why not all was given is noted under the name, if there is one.
 */
export function inflateBounded(
  data: Buffer,
  work: Work,
  name: string | undefined,
): { readonly bytes: Buffer; readonly consumed: number } | undefined {
  if (!work.spend(unitsPerStart)) return undefined;
  const options = {
    maxOutputLength: Math.max(1, Math.min(work.decodedLeft, work.limits.decodedAtOnce)),
    info: true,
    chunkSize: Math.max(1024, Math.min(64 * 1024, data.length * 4)),
  } as const;
  try {
    // Given Z_SYNC_FLUSH, zlib does not mind that data end early.
    const result = inflateRawSync(data, { ...options, finishFlush: constants.Z_SYNC_FLUSH }) as unknown as {
      buffer: Buffer;
      engine: { bytesWritten: number };
    };
    work.decode(result.buffer.length);
    work.spend(result.buffer.length * unitsPerByte);
    return { bytes: result.buffer, consumed: result.engine.bytesWritten };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE') {
      work.unscanned.add('what is compressed in it is too large to scan');
    } else if (name !== undefined) work.unscanned.add(`it is a broken ${name} archive`);
    return undefined;
  }
}
