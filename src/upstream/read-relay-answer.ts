import { RefgateError } from '../domain/error.ts';
import type { RelayResult } from '../domain/ports.ts';
import { PktReader } from '../git/pkt-line.ts';
import { protocolError } from '../git/protocol-error.ts';
import { readReportStatus } from '../git/report-status.ts';
import { type BandData, bandOne, demux } from '../git/sideband.ts';
import { TerminalFilter } from '../git/terminal-filter.ts';
import { cleanBytes } from '../git/text.ts';

/** How much hooks of the upstream may say after the report, in bytes; the rest is not heard. */
const lastWords = 16 * 1024 * 1024;

/**
 * Reads an upstream's whole answer to a push. Band 2 goes to `onMessage` as it
 * comes, made safe for a terminal. Throws when there is no whole report; what
 * breaks after the report does not matter any more.
 * @param refs the names that were sent, in order.
 */
export async function readRelayAnswer(
  answer: AsyncIterable<Buffer>,
  sideband: boolean,
  refs: readonly string[],
  onMessage: (band2: Buffer) => void | Promise<void>,
): Promise<RelayResult> {
  const outer = new PktReader(answer, 'upstream');
  if (!sideband) return readReportStatus(outer, refs);
  const filter = new TerminalFilter();
  let left = Number.POSITIVE_INFINITY;
  const pass = async ({ band, data }: BandData): Promise<void> => {
    if (band === 3) throw new RefgateError('UPSTREAM_REFUSED', 'upstream', cleanBytes(data, 300));
    left -= data.length;
    if (left < 0) throw protocolError('upstream', 'no end after the report');
    const message = Buffer.from(data);
    filter.clean(message, 0, message.length);
    if (message.length > 0) await onMessage(message);
  };
  const inner = new PktReader(bandOne(demux(outer), pass), 'upstream');
  const report = await readReportStatus(inner, refs);
  left = lastWords;
  try {
    // Hooks of the upstream may still speak.
    while (left > 0 && (await inner.read()) !== null) left -= 4;
  } catch {
    // The report counts.
  }
  return report;
}
