import type { Encoded } from './encoded.ts';
import type { Span } from './rule.ts';

export function findHex(_data: Buffer, _span: Span, _found: (encoded: Encoded) => void): void {}
