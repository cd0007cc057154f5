import { maskedSample } from '../secrets/sample.ts';
import { maskedSpans } from '../secrets/scan-object.ts';
import type { Scanner } from '../secrets/scanner.ts';

/**
 * A text in which every secret candidate, of any confidence, is recognisable
 * only, and which has the same number of lines. Undefined when it could not be
 * searched whole.
 */
export function maskKeepingLines(
  scanner: Scanner,
  text: string,
): { readonly text: string; readonly isMasked: boolean } | undefined {
  const bytes = Buffer.from(text, 'utf8');
  const { matches, unscanned } = scanner.scan(bytes);
  if (unscanned.length > 0) return undefined;
  let masked = '';
  let at = 0;
  for (const { start, end } of maskedSpans(matches)) {
    masked += bytes.toString('utf8', at, start) + maskedSpan(bytes.toString('latin1', start, end));
    at = end;
  }
  return at === 0 ? { text, isMasked: false } : { text: masked + bytes.toString('utf8', at), isMasked: true };
}

function maskedSpan(secret: string): string {
  const [, ...rest] = secret.split('\n');
  return [maskedSample(secret), ...rest.map((line) => (line === '' ? '' : '***'))].join('\n');
}
