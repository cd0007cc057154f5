import type { Encoded } from './encoded.ts';
import type { Work } from './work.ts';
export function findGzip(_data: Buffer, _work: Work, _found: (encoded: Encoded) => void): void {}
