/** View functions, and content with secrets in it, in the encodings that people have. Tokens exist at run time only. */
import { gzipSync } from 'node:zlib';
import type { ObjectFormat } from '../../../src/domain/git.ts';
import { defaultRules, readDefaultRules } from '../../../src/inspect/secrets/rules/load-rules.ts';
import { Scanner } from '../../../src/inspect/secrets/scanner.ts';
import { createViewFunction, type ViewFunctionOptions } from '../../../src/mask/view/create-view-function.ts';
import type { MaskedContent, ViewFunction } from '../../../src/mask/view/view-function.ts';
import { positives } from '../../support/secret-corpus.ts';

export const key = Buffer.alloc(32, 7);
const scanner = new Scanner(defaultRules(), { deadlineMs: Number.POSITIVE_INFINITY });

export function viewFunction(options: Partial<ViewFunctionOptions> = {}): ViewFunction {
  return createViewFunction({
    format: 'sha1' satisfies ObjectFormat,
    key,
    scanner,
    fingerprintKey: Buffer.alloc(32, 9),
    confidence: 'medium',
    isAllowed: () => false,
    ...options,
  });
}

/** Tokens that are found wherever they stand, each of a rule of its own. */
export const tokens: readonly string[] = collectTokens();

function collectTokens(): string[] {
  const view = viewFunction();
  const found = new Map<string, string>();
  const entries = readDefaultRules().map(({ entry }) => entry);
  for (const { content, secret } of positives(entries, 7)) {
    if (secret === undefined || found.has(secret.rule)) continue;
    const token = content.slice(secret.start, secret.end);
    const [hit, ...others] = view.find(Buffer.from(`a ${token} b`)).secrets;
    if (others.length === 0 && hit?.start === 2 && hit.end === 2 + token.length)
      found.set(secret.rule, token);
  }
  return [...found.values()];
}

export const tokenAt = (index: number): string => tokens[index % tokens.length] as string;

/** Bigger than a window of most readers. */
export const bufferBytes = 64 * 1024;

const swapped = (text: string): Buffer => Buffer.from(text, 'utf16le').swap16();

/** A text in the encodings that a blob may have. */
export const encodings: Readonly<Record<string, (text: string) => Buffer>> = {
  utf8: (text) => Buffer.from(text),
  'utf8 crlf': (text) => Buffer.from(text.replaceAll('\n', '\r\n')),
  latin1: (text) => Buffer.from(`\xe9${text}`, 'latin1'),
  'utf16le with mark': (text) => Buffer.from(`\ufeff${text}`, 'utf16le'),
  utf16le: (text) => Buffer.from(`${padding}${text}`, 'utf16le'),
  'utf16be with mark': (text) => swapped(`\ufeff${text}`),
  utf16be: (text) => swapped(`${padding}${text}`),
  binary: (text) => Buffer.from(`\x7fELF\0\x01\xff${text}\0\0`, 'latin1'),
  base64: (text) => Buffer.from(Buffer.from(text).toString('base64')),
  hex: (text) => Buffer.from(Buffer.from(text).toString('hex')),
  gzip: (text) => gzipSync(Buffer.from(text)),
  'late nul': (text) => Buffer.from(`${'words '.repeat(1400)}${text}\0`),
  'nul at the border': (text) => Buffer.from(`${'words '.repeat(1400).slice(0, 7960)}${text}\0`),
  'late utf16': (text) => Buffer.concat([Buffer.from('words '.repeat(1400)), Buffer.from(text, 'utf16le')]),
  'binary with utf16': (text) =>
    Buffer.concat([Buffer.of(0x7f, 0, 0, 3), Buffer.from(text, 'utf16le'), Buffer.of(0, 0)]),
};

const padding = 'some words before it all\n';

/** The original, from the view and its spans. */
export function undo({ content, spans }: MaskedContent): Buffer {
  const pieces: Buffer[] = [];
  let at = 0;
  for (const { viewStart, viewEnd, secret } of spans) {
    pieces.push(content.subarray(at, viewStart), secret);
    at = viewEnd;
  }
  return Buffer.concat([...pieces, content.subarray(at)]);
}
