import { RefgateError } from '../domain/error.ts';
import type { RelayResult } from '../domain/ports.ts';
import { PktReader } from '../git/pkt-line.ts';
import { readReportStatus } from '../git/report-status.ts';
import { type BandData, bandOne, demux } from '../git/sideband.ts';
import { TerminalFilter } from '../git/terminal-filter.ts';
import { cleanBytes } from '../git/text.ts';

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
  onMessage: (band2: Buffer) => void,
): Promise<RelayResult> {
  const outer = new PktReader(answer, 'upstream');
  if (!sideband) return readReportStatus(outer, refs);
  const filter = new TerminalFilter();
  const pass = ({ band, data }: BandData): void => {
    if (band === 3) throw new RefgateError('UPSTREAM_REFUSED', 'upstream', cleanBytes(data, 300));
    const message = Buffer.from(data);
    filter.clean(message, 0, message.length);
    if (message.length > 0) onMessage(message);
  };
  const inner = new PktReader(bandOne(demux(outer), pass), 'upstream');
  const report = await readReportStatus(inner, refs);
  try {
    // Hooks of the upstream may still speak.
    while ((await inner.read()) !== null);
  } catch {
    // The report counts.
  }
  return report;
}
