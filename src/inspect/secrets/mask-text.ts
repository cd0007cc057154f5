import { maskedSample } from './sample.ts';
import { maskedSpans } from './scan-object.ts';
import type { Scanner } from './scanner.ts';

/** What stands for a text that could not be searched whole. */
const hidden = '[not searched for secrets]';

/**
 * The text with every secret candidate in it, of any confidence, made recognisable only: for what is kept of short texts.
 * @param sample what stands for one.
 */
export function maskText(scanner: Scanner, text: string, sample = maskedSample): string {
  const bytes = Buffer.from(text, 'utf8');
  const { matches, unscanned } = scanner.scan(bytes);
  if (unscanned.length > 0) return hidden;
  let masked = '';
  let at = 0;
  for (const { start, end } of maskedSpans(matches)) {
    masked += bytes.toString('utf8', at, start) + sample(bytes.toString('latin1', start, end));
    at = end;
  }
  return at === 0 ? text : masked + bytes.toString('utf8', at);
}
