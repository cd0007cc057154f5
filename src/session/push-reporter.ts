import type { RefgateError } from '../domain/error.ts';
import type { PushRequest, RefReport } from '../domain/git.ts';
import type { Reason } from '../domain/policy.ts';
import { flushPkt } from '../git/pkt-line.ts';
import { formatReportStatus } from '../git/report-status.ts';
import { bandText, encodeBand } from '../git/sideband.ts';
import { cleanLine } from '../git/text.ts';
import type { Decision } from './decide.ts';
import type { Session } from './open.ts';
import { PushProgress } from './push-progress.ts';

/** An empty line of band 1: what git's own receive-pack sends so that nobody thinks the connection dead. */
const keepAlivePkt = Buffer.from('0005\u0001');

/** Refs of one push whose reasons are told; the ledger has them all. */
const maxExplained = 20;

/** Bytes of a line of the upstream's that are kept until it ends. */
const longestLine = 8_192;

/** How this client is answered, and about which refs. */
export type Answerable = Pick<PushRequest, 'sideband' | 'report'> & {
  readonly quiet?: boolean;
  readonly updates: readonly { readonly ref: string }[];
};

/** Tells the client how its push goes: text on band 2, signs of life, and the report at the end. */
export class PushReporter {
  readonly #session: Session;
  readonly #request: Answerable;
  readonly progress = new PushProgress((text) => this.#whisper(bandText(2, text)));
  #timer: NodeJS.Timeout | undefined;
  /** Latin1: bytes of the upstream's words whose line has not ended. */
  #unended = '';

  constructor(session: Session, request: Answerable) {
    this.#session = session;
    this.#request = request;
  }

  /**
   * From now on the client waits: it gets a sign of life every `ms`, and sees how
   * far its pack is unless it asked for quiet. May be called again.
   */
  wait(ms: number): void {
    if (!this.#request.sideband || this.#timer !== undefined) return;
    this.#timer = setInterval(() => this.#whisper(keepAlivePkt), ms).unref();
    if (this.#request.quiet === false) this.progress.start();
  }

  /** One line that is written over by the next, for a client that shows progress. */
  status(line: string): void {
    if (this.#request.sideband && this.#request.quiet === false)
      this.#whisper(bandText(2, `${cleanLine(line, 200)}\r`));
  }

  /** Says what may as well be left unsaid when the client does not read. */
  #whisper(bytes: Buffer): void {
    const { output } = this.#session.channel;
    if (!output.writableNeedDrain && !output.destroyed) this.#session.out.write(bytes).catch(() => undefined);
  }

  /** Lines for people. Without a sideband there is no way to say them. */
  async say(lines: readonly string[]): Promise<void> {
    if (!this.#request.sideband || lines.length === 0) return;
    await this.#session.out.write(bandText(2, await this.#shownLines(lines)));
  }

  /** Lines for people that a client which does not read may miss: it must not make us keep them. */
  mention(lines: readonly string[]): void {
    if (!this.#request.sideband || lines.length === 0) return;
    void this.#shownLines(lines).then((text) => this.#whisper(bandText(2, text)));
  }

  /** Shown before they are cut: the beginning of an oid would not be recognised. */
  async #shownLines(lines: readonly string[], by?: 'upstream'): Promise<string> {
    const whole = lines.map((line) => line.replace(/[\r\n]/g, '?')).join('\n');
    const shown = await this.#session.textFor(whole, by);
    return shown.split('\n').map(indented).join('');
  }

  /** The upstream's own words, cleaned already. Waits for a client that reads slowly; one that is gone hears nothing. */
  async relayMessage(band2: Buffer): Promise<void> {
    if (!this.#request.sideband) return;
    const shown = this.#session.view === undefined ? band2 : await this.#shown(band2);
    if (shown.length === 0) return;
    await this.#session.out.write(Buffer.concat([...encodeBand(2, shown)])).catch(() => undefined);
  }

  /** Whole lines only: an oid that is cut in two would not be recognised. */
  async #shown(band2: Buffer): Promise<Buffer> {
    const text = this.#unended + band2.toString('latin1');
    const end = Math.max(text.lastIndexOf('\n'), text.lastIndexOf('\r')) + 1;
    const rest = text.slice(end);
    this.#unended = rest.length > longestLine ? '[a long line is left out]' : rest;
    const whole = Buffer.from(text.slice(0, end), 'latin1').toString('utf8');
    return Buffer.from(await this.#session.textFor(whole, 'upstream'));
  }

  /** What the upstream said without ending the line. */
  async #lastWords(): Promise<void> {
    if (this.#unended !== '') await this.relayMessage(Buffer.from('\n'));
  }

  /** The long text of a decision: every reason of every ref that is refused, and what rules warn of. */
  async explain({ refs, policyVersion }: Decision): Promise<void> {
    const told = refs.filter(({ effect, warnings = [] }) => effect === 'deny' || warnings.length > 0);
    if (told.length === 0) return;
    const lines = told
      .slice(0, maxExplained)
      .flatMap(({ ref, effect, reasons, warnings = [] }) => [
        ...(effect === 'deny' ? [`Refgate refused ${ref}:`, ...tellReasons(reasons)] : []),
        ...(warnings.length > 0 ? [`Refgate warns about ${ref}:`, ...tellReasons(warnings)] : []),
      ]);
    const left = told.slice(maxExplained);
    const denied = left.filter(({ effect }) => effect === 'deny').length;
    const warned = left.length - denied;
    if (denied > 0) lines.push(`Refgate refused ${denied} more refs; push fewer at a time to read why`);
    if (warned > 0)
      lines.push(`Refgate warns about ${warned} more refs; push fewer at a time to read of what`);
    this.#session.reader?.keep(policyVersion);
    const footer = `(session ${this.#session.id}, policy ${policyVersion})`;
    await this.say(['', ...lines, footer, '']).catch(() => undefined);
  }

  /** The report, in the order of the request, and the end of the answer. */
  async report(unpack: string, reports: readonly RefReport[]): Promise<void> {
    clearInterval(this.#timer);
    await this.#lastWords();
    const { out } = this.#session;
    if (this.#request.report !== 'none') {
      const byRef = new Map(reports.map((report) => [report.ref, report]));
      const ordered = this.#request.updates.map(
        ({ ref }): RefReport => byRef.get(ref) ?? { ref, ok: false, reason: 'not reported' },
      );
      const shown =
        this.#session.view === undefined ? { unpack, reports: ordered } : await this.#told(unpack, ordered);
      const bytes = formatReportStatus(shown, this.#request.report);
      await out.writeAll(this.#request.sideband ? encodeBand(1, bytes) : [bytes]);
    }
    if (this.#request.sideband) await out.write(flushPkt);
  }

  async #told(
    unpack: string,
    reports: readonly RefReport[],
  ): Promise<{ readonly unpack: string; readonly reports: readonly RefReport[] }> {
    const tell = (text: string): Promise<string> => this.#session.textFor(text, 'upstream');
    const told: RefReport[] = [];
    for (const { reason, options, ...report } of reports) {
      const said = reason === undefined ? {} : { reason: await tell(reason) };
      const more =
        options === undefined ? {} : { options: (await Promise.all(options.map(tell))).filter(isWhole) };
      told.push({ ...report, ...said, ...more });
    }
    return { unpack: await tell(unpack), reports: told };
  }

  /** Why the whole push, or what was left of it, did not go upstream. */
  async explainError(error: RefgateError): Promise<void> {
    const said = tellError(error);
    const lines = ['', said, `(session ${this.#session.id})`, ''];
    if (!this.#request.sideband) return;
    const text = this.#session.reader?.isOwn(error)
      ? lines.map(indented).join('')
      : await this.#shownLines(lines, error.blame === 'upstream' ? 'upstream' : undefined);
    await this.#session.out.write(bandText(2, text)).catch(() => undefined);
  }

  /** Every ref refused for one cause. */
  async refuseAll(error: RefgateError): Promise<void> {
    await this.explainError(error);
    await this.report('ok', refuseEach(this.#request.updates, error));
  }

  /** A request that was not read to its end cannot be reported on: the last words go on band 3. */
  async breakOff(error: RefgateError): Promise<void> {
    const isOwn = this.#session.reader?.isOwn(error) ?? true;
    const said = isOwn ? error.message : await this.#session.textFor(error.message);
    const text = `Refgate refused this push: ${cleanLine(said, 900)} (session ${this.#session.id})\n`;
    await this.#session.out.write(bandText(3, text)).catch(() => undefined);
  }

  /** No more signs of life. */
  stop(): void {
    this.progress.end('stopped');
    clearInterval(this.#timer);
  }
}

/** An oid that may not be told makes no option. */
const isWhole = (option: string): boolean => !option.includes('[');

/** Whose turn it is: the client's to mend its push, or somebody else's. */
function tellError({ blame, message }: RefgateError): string {
  if (blame === 'client') return `Refgate refused this push: ${message}`;
  const what = blame === 'refgate' ? 'something went wrong inside Refgate' : message;
  return `Refgate could not do this push: ${what}; try again, or tell your administrator`;
}

/** The `ng` lines of updates that one error kept from being made. */
export function refuseEach(updates: readonly { readonly ref: string }[], error: RefgateError): RefReport[] {
  return updates.map(({ ref }) => ({ ref, ok: false, reason: `refused: ${error.code}` }));
}

/** A reason may have further lines, such as commands. What the next reason says as well is said after that one. */
function tellReasons(reasons: readonly Reason[]): readonly string[] {
  const ends = reasons.map(({ text }) => text.split('\n').slice(1));
  return reasons.flatMap(({ text }, at) => {
    const [first = '', ...rest] = text.split('\n');
    const again = rest.join('\n') === ends[at + 1]?.join('\n');
    return [first, ...(again ? [] : rest)].map((line) => `  ${line}`);
  });
}

/** A line without control characters, as deep as it was written. */
function indented(line: string): string {
  const depth = line.length - line.trimStart().length;
  return `${' '.repeat(depth)}${cleanLine(line, 900)}\n`;
}
