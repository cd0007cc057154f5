/** report-status and report-status-v2: gitprotocol-pack(5), "Report Status". */
import type { RefReport } from '../domain/git.ts';
import { encodePkt, flushPkt, type PktReader, pktText } from './pkt-line.ts';
import { errPktError, protocolError, quoted } from './protocol-error.ts';
import { cleanLine } from './text.ts';

/** What became of a push: one report for each ref that was sent. */
export interface PushReport {
  /** `ok`, or why the pack was not taken; one clean line. */
  readonly unpack: string;
  readonly reports: readonly RefReport[];
}

const maxReason = 300;
const optionKeys = new Set(['refname', 'old-oid', 'new-oid', 'forced-update']);

/**
 * Reads an upstream's report up to its flush-pkt. `refs` are the names that were
 * sent, in order; one that the upstream passes over in silence is reported as refused. Throws
 * UPSTREAM_PROTOCOL when it speaks of another ref, or twice of one, and PKT_TRUNCATED.
 */
export async function readReportStatus(reader: PktReader, refs: readonly string[]): Promise<PushReport> {
  let unpack: string | undefined;
  const table = new ReportTable(reader, refs);
  for await (const batch of reader.batches()) {
    for (const payload of batch) {
      const error = errPktError(payload);
      if (error !== undefined) throw error;
      const line = pktText(payload, reader.peer);
      if (unpack !== undefined) table.take(line);
      else if (line.startsWith('unpack ')) unpack = cleanLine(line.slice(7), maxReason);
      else throw protocolError(reader.peer, `expected an unpack line, got ${quoted(line)}`);
    }
  }
  if (unpack === undefined) throw protocolError(reader.peer, 'an empty report');
  return { unpack, reports: table.reports() };
}

class ReportTable {
  readonly #reader: PktReader;
  readonly #refs: ReadonlySet<string>;
  readonly #said = new Map<string, RefReport & { options?: string[] }>();
  #last: { options?: string[] } | undefined;

  constructor(reader: PktReader, refs: readonly string[]) {
    this.#reader = reader;
    this.#refs = new Set(refs);
  }

  take(line: string): void {
    const [, word, rest = ''] = /^(ok|ng|option) (.+)$/s.exec(line) ?? [];
    if (word === 'ok') this.#add(line, { ref: rest, ok: true });
    else if (word === 'ng') this.#takeRefusal(line, rest);
    else if (word === 'option') this.#takeOption(line, rest);
    else throw this.#refusal(line);
  }

  reports(): readonly RefReport[] {
    return [...this.#refs].map(
      (ref) => this.#said.get(ref) ?? { ref, ok: false, reason: 'no report from upstream' },
    );
  }

  #takeRefusal(line: string, rest: string): void {
    const space = rest.indexOf(' ');
    const ref = space < 0 ? rest : rest.slice(0, space);
    const reason = space < 0 ? 'refused by the upstream' : cleanLine(rest.slice(space + 1), maxReason);
    this.#add(line, { ref, ok: false, reason });
    this.#last = undefined;
  }

  #takeOption(line: string, rest: string): void {
    const key = rest.split(' ', 1)[0] ?? '';
    const sound = optionKeys.has(key) && cleanLine(rest, 1100) === rest;
    if (this.#last === undefined || !sound) throw this.#refusal(line);
    this.#last.options = [...(this.#last.options ?? []), rest];
  }

  #add(line: string, report: RefReport & { options?: string[] }): void {
    if (!this.#refs.has(report.ref) || this.#said.has(report.ref)) throw this.#refusal(line);
    this.#said.set(report.ref, report);
    this.#last = report;
  }

  #refusal(line: string): Error {
    return protocolError(this.#reader.peer, `${quoted(line)} in the report`);
  }
}

/** The report for a client, its flush-pkt included; for a client with sidebands it goes on band 1. Nothing for `none`. */
export function formatReportStatus(report: PushReport, version: 'none' | 'v1' | 'v2'): Buffer {
  if (version === 'none') return Buffer.alloc(0);
  const lines = [`unpack ${cleanLine(report.unpack, maxReason)}`];
  for (const { ref, ok, reason, options } of report.reports) {
    lines.push(ok ? `ok ${ref}` : `ng ${ref} ${cleanLine(reason ?? 'refused', maxReason)}`);
    if (ok && version === 'v2') for (const option of options ?? []) lines.push(`option ${option}`);
  }
  return Buffer.concat([...lines.map((line) => encodePkt(`${line}\n`)), flushPkt]);
}
