import type { Encoded } from './encoded.ts';
import type { Span } from './rule.ts';

export function findBase64(_data: Buffer, _span: Span, _found: (encoded: Encoded) => void): void {}
