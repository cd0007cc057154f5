/**
 * zip, APPNOTE.TXT 4.3.7: entries are found by their local headers, whatever
 * the central directory says of them, because that is where their bytes are.
 * Stored entries are plain already, and a zip within one is found the same way.
 */
import type { Encoded } from './encoded.ts';
import { inflateBounded } from './inflate-bounded.ts';
import type { Work } from './work.ts';

export const zipSignature = Buffer.from('PK\x03\x04');
const headerBytes = 30;
const stored = 0;
const deflated = 8;
const encrypted = 1;
const greatestVersion = 63;
const mostNameBytes = 4096;
const mostEntries = 20_000;

export function findZip(
  data: Buffer,
  work: Work,
  skips: (at: number) => boolean,
  found: (encoded: Encoded) => void,
): void {
  let entries = 0;
  for (let at = data.indexOf(zipSignature); at !== -1 && !work.spent; ) {
    const entry = readHeader(data, at);
    let end = at + zipSignature.length;
    if (entry !== undefined && !skips(at)) {
      if (++entries > mostEntries) {
        work.unscanned.add(`more than ${mostEntries} zip entries are in it`);
        return;
      }
      end = entry.content;
      if (isDeflated(entry, work)) {
        openEntry(data, at, entry.content, work, found, (consumed) => {
          end = consumed;
        });
      }
    }
    at = data.indexOf(zipSignature, end);
  }
}

function openEntry(
  data: Buffer,
  at: number,
  content: number,
  work: Work,
  found: (encoded: Encoded) => void,
  consumed: (end: number) => void,
): void {
  const span = { start: at, end: data.length };
  found({
    name: 'zip',
    shallow: false,
    sure: true,
    size: 0,
    open() {
      const inflated = inflateBounded(data.subarray(content), work, 'zip');
      if (inflated === undefined) return undefined;
      span.end = Math.min(data.length, content + inflated.consumed);
      consumed(span.end);
      return inflated.bytes;
    },
    outer: () => span,
    openStart: false,
    openEnd: false,
  });
}

/** Why an entry is neither that nor stored is noted. */
export function isDeflated(entry: LocalHeader, work: Work): boolean {
  if (entry.encrypted) work.unscanned.add('an entry of a zip archive in it is encrypted');
  else if (entry.method === deflated) return true;
  else if (entry.method !== stored) {
    work.unscanned.add(
      `an entry of a zip archive in it is compressed in a way that is not known (${entry.method})`,
    );
  }
  return false;
}

export interface LocalHeader {
  readonly encrypted: boolean;
  readonly method: number;
  /** Where the bytes of the entry begin. */
  readonly content: number;
}

export function readHeader(data: Buffer, at: number): LocalHeader | undefined {
  if (at + headerBytes > data.length) return undefined;
  const version = data.readUInt16LE(at + 4) & 0xff;
  const nameBytes = data.readUInt16LE(at + 26);
  const content = at + headerBytes + nameBytes + data.readUInt16LE(at + 28);
  if (version > greatestVersion || nameBytes > mostNameBytes || content > data.length) return undefined;
  return {
    encrypted: (data.readUInt16LE(at + 6) & encrypted) !== 0,
    method: data.readUInt16LE(at + 8),
    content,
  };
}
