import * as fc from 'fast-check';
import { RefgateError } from '../../src/domain/error.ts';

/** Cuts bytes at any places: how a stream may arrive. */
export function cut(bytes: Buffer, lengths: readonly number[]): Buffer[] {
  const pieces: Buffer[] = [];
  let at = 0;
  for (const length of lengths) {
    if (at >= bytes.length) break;
    pieces.push(Buffer.from(bytes.subarray(at, at + length)));
    at += length;
  }
  if (at < bytes.length) pieces.push(Buffer.from(bytes.subarray(at)));
  return pieces;
}

export const cuts: fc.Arbitrary<number[]> = fc.array(
  fc.oneof(fc.integer({ min: 0, max: 6 }), fc.integer({ min: 0, max: 70000 })),
  { maxLength: 40 },
);

export const anyBytes: fc.Arbitrary<Buffer> = fc
  .uint8Array({ maxLength: 300 })
  .map((bytes: Uint8Array) => Buffer.from(bytes));

export async function* stream(pieces: readonly Buffer[]): AsyncGenerator<Buffer> {
  for (const piece of pieces) yield piece;
}

export async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}

/** Runs, and gives the code of the RefgateError or the value; any other error goes on. */
export async function outcome<T>(run: () => Promise<T> | T): Promise<T | { readonly code: string }> {
  try {
    return await run();
  } catch (error) {
    if (error instanceof RefgateError) return { code: error.code };
    throw error;
  }
}
