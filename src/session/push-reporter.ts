import type { RefgateError } from '../domain/error.ts';
import type { PushRequest, RefReport } from '../domain/git.ts';
import { flushPkt } from '../git/pkt-line.ts';
import { formatReportStatus } from '../git/report-status.ts';
import { bandText, encodeBand } from '../git/sideband.ts';
import { cleanLine } from '../git/text.ts';
import type { Decision } from './decide.ts';
import type { Session } from './open.ts';

/** An empty line of band 1: what git's own receive-pack sends so that nobody thinks the connection dead. */
const keepAlivePkt = Buffer.from('0005\u0001');

/** How this client is answered, and about which refs. */
export type Answerable = Pick<PushRequest, 'sideband' | 'report'> & {
  readonly updates: readonly { readonly ref: string }[];
};

/** Tells the client how its push goes: text on band 2, signs of life, and the report at the end. */
export class PushReporter {
  readonly #session: Session;
  readonly #request: Answerable;
  #timer: NodeJS.Timeout | undefined;

  constructor(session: Session, request: Answerable) {
    this.#session = session;
    this.#request = request;
  }

  /** Sends a sign of life every `ms` while the client waits and nothing else is said. */
  keepAlive(ms: number): void {
    if (!this.#request.sideband) return;
    this.#timer = setInterval(() => {
      const { output } = this.#session.channel;
      if (!output.writableNeedDrain && !output.destroyed)
        this.#session.out.write(keepAlivePkt).catch(() => undefined);
    }, ms);
    this.#timer.unref();
  }

  /** Lines for people. Without a sideband there is no way to say them. */
  async say(lines: readonly string[]): Promise<void> {
    if (!this.#request.sideband || lines.length === 0) return;
    await this.#session.out.write(bandText(2, lines.map(indented).join('')));
  }

  /** The upstream's own words, cleaned already. Waits for a client that reads slowly; one that is gone hears nothing. */
  async relayMessage(band2: Buffer): Promise<void> {
    if (!this.#request.sideband) return;
    await this.#session.out.write(Buffer.concat([...encodeBand(2, band2)])).catch(() => undefined);
  }

  /** The long text of a refusal: every reason of every ref. */
  async explain(decision: Decision): Promise<void> {
    const denied = decision.refs.filter((verdict) => verdict.effect === 'deny');
    if (denied.length === 0) return;
    const lines = denied.flatMap(({ ref, reasons }) => [
      `Refgate refused ${ref}:`,
      ...reasons.map((reason) => `  ${reason.text}`),
    ]);
    const footer = `(session ${this.#session.id}, policy ${decision.policyVersion})`;
    await this.say(['', ...lines, footer, '']).catch(() => undefined);
  }

  /** The report, in the order of the request, and the end of the answer. */
  async report(unpack: string, reports: readonly RefReport[]): Promise<void> {
    clearInterval(this.#timer);
    const { out } = this.#session;
    if (this.#request.report !== 'none') {
      const byRef = new Map(reports.map((report) => [report.ref, report]));
      const ordered = this.#request.updates.map(
        ({ ref }): RefReport => byRef.get(ref) ?? { ref, ok: false, reason: 'not reported' },
      );
      const bytes = formatReportStatus({ unpack, reports: ordered }, this.#request.report);
      await out.writeAll(this.#request.sideband ? encodeBand(1, bytes) : [bytes]);
    }
    if (this.#request.sideband) await out.write(flushPkt);
  }

  /** Why the whole push, or what was left of it, did not go upstream. */
  async explainError(error: RefgateError): Promise<void> {
    const { id } = this.#session;
    const text =
      error.blame === 'refgate' ? `${error.code}, session ${id}; tell your operator` : error.message;
    await this.say(['', `Refgate refused this push: ${text}`, `(session ${id})`, '']).catch(() => undefined);
  }

  /** Every ref refused for one cause. */
  async refuseAll(error: RefgateError): Promise<void> {
    await this.explainError(error);
    await this.report('ok', refuseEach(this.#request.updates, error));
  }

  /** No more signs of life. */
  stop(): void {
    clearInterval(this.#timer);
  }
}

/** The `ng` lines of updates that one error kept from being made. */
export function refuseEach(updates: readonly { readonly ref: string }[], error: RefgateError): RefReport[] {
  return updates.map(({ ref }) => ({ ref, ok: false, reason: `refused: ${error.code}` }));
}

/** A line without control characters, as deep as it was written. */
function indented(line: string): string {
  const depth = line.length - line.trimStart().length;
  return `${' '.repeat(depth)}${cleanLine(line, 900)}\n`;
}
