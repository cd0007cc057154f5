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

  /** The upstream's own words, cleaned already. */
  relayMessage(band2: Buffer): void {
    if (!this.#request.sideband) return;
    for (const bytes of encodeBand(2, band2)) this.#session.out.write(bytes).catch(() => undefined);
  }

  /** The long text of a refusal: every reason of every ref. */
  async explain(decision: Decision): Promise<void> {
    const denied = decision.refs.filter((verdict) => verdict.effect === 'deny');
    if (denied.length === 0) return;
    const lines = denied.flatMap(({ ref, reasons }) => [
      `Refgate refused ${ref}:`,
      ...reasons.map((reason) => `  ${reason.text}`),
    ]);
    await this.say(['', ...lines, `(session ${this.#session.id}, policy ${decision.policyVersion})`, '']);
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

  /** Every ref refused for one cause. */
  async refuseAll(error: RefgateError): Promise<readonly RefReport[]> {
    const ours = error.blame === 'refgate';
    const text = ours
      ? `${error.code}, session ${this.#session.id}; tell your operator`
      : cleanLine(error.message, 900);
    const reports = this.#request.updates.map(
      ({ ref }): RefReport => ({ ref, ok: false, reason: `refused: ${error.code}` }),
    );
    await this.say(['', `Refgate refused this push: ${text}`, `(session ${this.#session.id})`, '']);
    await this.report('ok', reports);
    return reports;
  }

  /** No more signs of life. */
  stop(): void {
    clearInterval(this.#timer);
  }
}

/** A line without control characters, as deep as it was written. */
function indented(line: string): string {
  const depth = line.length - line.trimStart().length;
  return `${' '.repeat(depth)}${cleanLine(line, 900)}\n`;
}
