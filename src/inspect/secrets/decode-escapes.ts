import type { Encoded } from './encoded.ts';
export const encodingAnchors: readonly string[] = [];
export function findEscapes(
  _data: Buffer,
  _anchors: readonly number[],
  _found: (encoded: Encoded) => void,
): void {}
