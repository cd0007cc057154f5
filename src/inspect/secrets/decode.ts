/**
 * What is looked into: UTF-16, base64, hex, escapes (percent, \uXXXX, \xNN,
 * JSON, quoted-printable, HTML), gzip and zip; tar needs no decoder, because
 * what it holds is plain. An archive is opened where the data begin with it.
 * Everything else (xz, zstd, 7z, rar, images, encrypted data of any kind) is
 * scanned as the bytes that it is, and no line in `unscanned` speaks of it:
 * that is for rules on the type of a file. What claims to be gzip or zip and
 * cannot be opened (broken, encrypted, too large, too deep) is such a line.
 */
import { findBase64 } from './decode-base64.ts';
import { type Anchors, findEscapes } from './decode-escapes.ts';
import { findGzip } from './decode-gzip.ts';
import { findHex } from './decode-hex.ts';
import { findUtf16 } from './decode-utf16.ts';
import { findZip } from './decode-zip.ts';
import type { Encoded } from './encoded.ts';
import type { Span } from './rule.ts';
import type { Work } from './work.ts';

/** Archives as a whole: they are opened or a line in `unscanned` says why not. Where `skips`, none begins. */
export function findArchives(
  data: Buffer,
  work: Work,
  skips: (at: number) => boolean,
  found: (encoded: Encoded) => void,
): void {
  findGzip(data, work, skips, found);
  findZip(data, work, skips, found);
}

/**
 * Encoded text within the span, and what of it reaches beyond. Gives whether there are nearly enough
 * escapes somewhere to be decoded. `anchors`: where escapes begin.
 */
export function findEncodedText(
  data: Buffer,
  span: Span,
  anchors: Anchors,
  found: (encoded: Encoded) => void,
): boolean {
  const nearly = findEscapes(data, anchors, found);
  findUtf16(data, span, found);
  findBase64(data, span, found);
  findHex(data, span, found);
  return nearly;
}
