import type { FileDiff } from '../../domain/approval.ts';
import { isLfsPointer } from '../contents/lfs.ts';
import type { Scanner } from '../secrets/scanner.ts';
import { decodeText, type Lines, splitLines } from './file-text.ts';
import { highlightLines, plainLines } from './highlight.ts';
import { makeHunks, type TokenLines } from './hunks.ts';
import { languageOf } from './languages.ts';
import { editLines, type LineEdits } from './line-edits.ts';
import { maskKeepingLines } from './masked-lines.ts';

/** One file of both sides; a side without the file has no content. */
export interface DiffJob {
  /** By its ending the language is known. */
  readonly path: string;
  readonly old?: Uint8Array;
  readonly new?: Uint8Array;
  /** Also what is folded otherwise. */
  readonly whole: boolean;
  /** Without colours. */
  readonly plain: boolean;
}

/** More is folded, in bytes of one side, in changed lines, and in characters of one line. */
const folded = { bytes: 256 * 1024, lines: 5_000, lineLength: 5_000 } as const;

/** More is never shown, in bytes of one side. */
export const maxShownBytes = 1024 * 1024;

/** Changed lines of a whole file are found up to here; beyond it, everything between the first and the last one is. */
const maxWholeLines = 10_000;

interface Side {
  readonly bytes: number;
  readonly lines: Lines;
  readonly masked: string;
  readonly isMasked: boolean;
}

/** A file that is not shown, and why. */
export function unshown(is: FileDiff['is'], note: string, counts = { added: 0, removed: 0 }): FileDiff {
  return { is, note, ...counts, hunks: [] };
}

/**
 * The difference of one file, in which every secret candidate of both sides is
 * masked. Its time is not bounded: the content may be hostile.
 */
export function diffFile(scanner: Scanner, job: DiffJob): FileDiff {
  const [old, now] = [toBuffer(job.old), toBuffer(job.new)];
  const texts = [decodeText(old), decodeText(now)] as const;
  if (texts[0] === undefined || texts[1] === undefined) return unshown('binary', sizes(job));
  const most = Math.max(old.length, now.length);
  if (most > (job.whole ? maxShownBytes : folded.bytes)) return unshown('large', sizes(job));
  const [before, after] = [sideOf(scanner, texts[0]), sideOf(scanner, texts[1])];
  if (before === undefined || after === undefined)
    return unshown('large', 'it could not be searched for secrets whole, and so is not shown');
  // Lines are compared as they are: two secrets that are masked alike are still a change.
  const edits = editLines(before.lines, after.lines, job.whole ? maxWholeLines : folded.lines);
  const { added, removed } = edits;
  const why = job.whole ? undefined : foldedFor(before, after, edits);
  if (why !== undefined) return unshown('large', why, { added, removed });
  const language = job.plain || most > folded.bytes ? undefined : languageOf(job.path);
  const hunks = makeHunks(edits.runs, tokensOf(before, language), tokensOf(after, language));
  const note = notesOf(job, before, after, edits).join('; ');
  return { is: 'text', ...(note === '' ? {} : { note }), added, removed, hunks };
}

const nothing = Buffer.alloc(0);

function toBuffer(bytes: Uint8Array | undefined): Buffer {
  return bytes === undefined ? nothing : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function sideOf(scanner: Scanner, text: string): Side | undefined {
  const masked = maskKeepingLines(scanner, text);
  if (masked === undefined) return undefined;
  const lines = splitLines(text);
  return { bytes: text.length, lines, masked: masked.text, isMasked: masked.isMasked };
}

function tokensOf({ masked }: Side, language: string | undefined): TokenLines {
  if (language === undefined) return plainLines(masked);
  try {
    return highlightLines(masked, language);
  } catch {
    // Text that nests deeper than the highlighter can follow is shown without colours.
    return plainLines(masked);
  }
}

function foldedFor(before: Side, after: Side, { added, removed }: LineEdits): string | undefined {
  const changed = added + removed;
  if (changed > folded.lines) return `${changed} lines change`;
  for (const { lines } of [before, after])
    for (const line of lines.lines)
      if (line.length > folded.lineLength) return `a line has ${line.length} characters`;
  return undefined;
}

function notesOf(job: DiffJob, before: Side, after: Side, edits: LineEdits): string[] {
  const notes: string[] = [];
  const isPointer = (bytes: Uint8Array | undefined) => bytes !== undefined && isLfsPointer(toBuffer(bytes));
  if (isPointer(job.old) || isPointer(job.new))
    notes.push('a pointer of Git LFS: the content itself is not in Git');
  if (before.isMasked || after.isMasked) notes.push('what looks like a secret is masked');
  if (edits.isCoarse) notes.push('too different to be compared line by line');
  const unended = [before, after].map(({ lines }) => !lines.isEnded);
  if (edits.added + edits.removed > 0 && unended[0] !== unended[1])
    notes.push(`no newline at the end of the ${unended[0] ? 'old' : 'new'} file`);
  return notes;
}

/** Sizes as a reader sees them first. */
function sizes(job: DiffJob): string {
  const size = (bytes: Uint8Array | undefined) => (bytes === undefined ? undefined : `${bytes.length} bytes`);
  const [old, now] = [size(job.old), size(job.new)];
  if (old === undefined || now === undefined) return now ?? `${old} are removed`;
  return `${old} before, ${now} after`;
}
