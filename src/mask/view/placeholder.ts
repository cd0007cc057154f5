/**
 * What stands for a secret. `REDACTED-<rule>-<16 hex>`; where the length must stay and that is too long, `RDCT<16 hex>`.
 * Both are recognised wherever they stand, in bytes and in UTF-16, so that text of an original that looks like one can be
 * masked itself. A rule's name never holds a hyphen and 16 hex digits, and nothing but the first letters of a placeholder
 * is in upper case: so two never overlap, and what stands around one never makes it longer.
 */
import { createHmac } from 'node:crypto';

/** The rule of text that looks like a placeholder in an original. */
export const literalRule = 'lit';

/** The rule of what could not be searched. */
export const unscannedRule = 'unscanned';

/** The shortest content, in characters, that a placeholder of the same length may take the place of. */
export const shortestPadded = 20;

/**
 * What is done with the secret, each with hashes of its own: `plain`: the placeholder has its own length. `padded`: it has
 * the length of the secret. `whole`: it stands for a whole object. `unsorted`: for a part of a name in a tree whose entries are not in git's order.
 */
export type PlaceholderForm = 'plain' | 'padded' | 'whole' | 'unsorted';

const separators: Readonly<Record<PlaceholderForm, string>> = {
  plain: '\0',
  padded: '\x01',
  whole: '\x02',
  unsorted: '\x03',
};

/** The keyed hash that tells secrets apart: 16 hex digits of HMAC-SHA256(key, rule || form || secret). */
function hashOf(key: Buffer, rule: string, form: PlaceholderForm, secret: Buffer): string {
  return createHmac('sha256', key)
    .update(rule)
    .update(separators[form])
    .update(secret)
    .digest('hex')
    .slice(0, 16);
}

/** The placeholder of a secret. The same key, rule, form and secret give the same. */
export function formatPlaceholder(key: Buffer, rule: string, secret: Buffer, form: PlaceholderForm): string {
  return `REDACTED-${tagOf(rule)}-${hashOf(key, rule, form, secret)}`;
}

/**
 * The placeholder of a secret of so many characters, to be padded to them with hyphens; undefined where it is shorter
 * than `shortestPadded`.
 */
export function formatPadded(key: Buffer, rule: string, secret: Buffer, length: number): string | undefined {
  if (length < shortestPadded) return undefined;
  const full = formatPlaceholder(key, rule, secret, 'padded');
  return full.length <= length ? full : `RDCT${full.slice(-16)}`;
}

// Users may name rules as they like.
function tagOf(rule: string): string {
  if (/^[a-z0-9-]{1,64}$/.test(rule) && !/-[0-9a-f]{16}/.test(rule)) return rule;
  const tag = rule
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-|-$/g, '')
    .slice(0, 64);
  return tag === '' || /-[0-9a-f]{16}/.test(tag) ? 'rule' : tag;
}

/** The rule as a placeholder names it; undefined of the short form, and of what is no placeholder. */
export function ruleOfPlaceholder(placeholder: string): string | undefined {
  return /^REDACTED-([a-z0-9-]{1,64}?)-[0-9a-f]{16}$/.exec(placeholder)?.[1];
}

export interface FoundPlaceholder {
  /**
   * Bytes of the content; end exclusive. In UTF-16 from the byte of the first character to that of the last one: the
   * zero byte before it, or after it, is not counted in, so that the byte order is nobody's question.
   */
  readonly start: number;
  readonly end: number;
  readonly placeholder: string;
  /** In UTF-16. */
  readonly wide: boolean;
}

/** The longest of either form, in characters. */
const longest = 9 + 64 + 1 + 16;

const shapes = [
  { begins: 'REDACTED-', pattern: /REDACTED-[a-z0-9-]{1,64}?-[0-9a-f]{16}/y },
  { begins: 'RDCT', pattern: /RDCT[0-9a-f]{16}/y },
].map(({ begins, pattern }) => ({ pattern, narrow: Buffer.from(begins), wide: widen(begins) }));

/** ASCII as UTF-16 without the outermost zero byte: two bytes for each character but one. */
export function widen(text: string): Buffer {
  return Buffer.from(text, 'utf16le').subarray(0, Math.max(0, text.length * 2 - 1));
}

/** Everything that looks like a placeholder, in the order of their places; they never overlap. */
export function findPlaceholders(content: Buffer): FoundPlaceholder[] {
  const found: FoundPlaceholder[] = [];
  for (const { pattern, narrow } of shapes) search(content, narrow, pattern, false, found);
  if (content.includes(0)) {
    for (const { pattern, wide } of shapes) search(content, wide, pattern, true, found);
  }
  return found.length < 2 ? found : found.sort((a, b) => a.start - b.start);
}

function search(
  content: Buffer,
  begins: Buffer,
  pattern: RegExp,
  wide: boolean,
  found: FoundPlaceholder[],
): void {
  for (let at = content.indexOf(begins); at >= 0; at = content.indexOf(begins, at + 1)) {
    const text = wide ? narrowed(content, at) : content.toString('latin1', at, at + longest);
    pattern.lastIndex = 0;
    const placeholder = pattern.exec(text)?.[0];
    if (placeholder === undefined) continue;
    const bytes = wide ? placeholder.length * 2 - 1 : placeholder.length;
    found.push({ start: at, end: at + bytes, placeholder, wide });
  }
}

// The characters from there on, as long as zero bytes are between them.
function narrowed(content: Buffer, at: number): string {
  let end = at + 1;
  while (end + 1 < content.length && end < at + 2 * longest && content[end] === 0) end += 2;
  let text = '';
  for (let i = at; i < end; i += 2) text += String.fromCharCode(content[i] as number);
  return text;
}
