import {
  bytesOf,
  type Cut,
  cutOf,
  type FilledContent,
  type Filling,
  fillCuts,
  hitInOriginal,
  mergeCuts,
  spansOf,
} from './cuts.ts';
import { type ContentEncoding, encodingOf } from './encoding.ts';
import { compareConfidence, type Hits, type SecretFinder } from './find-secrets.ts';
import {
  findPlaceholders,
  formatPadded,
  formatPlaceholder,
  type PlaceholderForm,
  unscannedRule,
} from './placeholder.ts';
import type { MaskedContent } from './view-function.ts';

/** What masking works with. */
export interface Masker {
  readonly key: Buffer;
  readonly finder: SecretFinder;
}

/** What cannot be shown in part: the rule that its placeholder names, and why. */
export interface Withheld {
  readonly rule: string;
  readonly why: string;
}

/** A content with its secrets cut out, or that it cannot be shown; undefined where it is shown as it is. */
export type Masking = { readonly filled: FilledContent } | { readonly withheld: Withheld } | undefined;

export interface MaskingOptions {
  /** `text` where it is part of an object of git's own; else by the content. */
  readonly encoding?: ContentEncoding;
  readonly form?: PlaceholderForm;
  /** What is replaced beside secrets. */
  readonly instead?: readonly Cut[];
  /** What the finder gave, if it was asked. */
  readonly hits?: Hits;
}

/** What was put in may make a secret of what is around it; whoever needs more looks has written it for that. */
const mostRounds = 4;

/**
 * Cuts out every secret, and searches what remains again, until nothing but placeholders is found in it. The cuts are always
 * those of the original, so that two originals never give the same, and each secret is known with all of its bytes.
 */
export function cutSecrets(masker: Masker, content: Buffer, options: MaskingOptions = {}): Masking {
  const { hits, unscanned } = options.hits ?? masker.finder.hits(content);
  const instead = options.instead ?? [];
  if (unscanned.length > 0) return withhold(unscannedRule, unscanned.join('; '));
  if (hits.length + instead.length === 0) return undefined;
  const packed = hits
    .filter((hit) => hit.packed)
    .sort((a, b) => compareConfidence(b.confidence, a.confidence));
  if (packed[0] !== undefined) return withhold(packed[0].rule, 'a secret is in an archive');
  const encoding = options.encoding ?? encodingOf(content);
  let cuts: readonly Cut[] = [...hits.map(cutOf), ...instead];
  for (let round = 0; round < mostRounds; round++) {
    const merged = mergeCuts(cuts);
    if (merged === undefined || !merged.every(({ wide }) => wide || !encoding.startsWith('utf-16')))
      return withhold(unscannedRule, 'bytes and UTF-16 are mixed in it');
    const filled = fillCuts(content, merged, fillerOf(masker.key, encoding, options.form ?? 'plain'));
    if (filled === undefined)
      return withhold(ruleOf(merged), 'a secret in it is too short to keep its length');
    if (!holdsOnly(filled))
      return withhold(ruleOf(merged), 'what was put in cannot be told from what is around it');
    const again = masker.finder.secrets(filled.content);
    if (again.unscanned.length > 0) return withhold(unscannedRule, again.unscanned.join('; '));
    if (again.hits.some((hit) => hit.packed)) return withhold(unscannedRule, 'a secret is in an archive');
    const more = again.hits.flatMap((hit) => hitInOriginal(hit, filled.placed) ?? []);
    if (more.length === 0) return { filled };
    cuts = [...merged, ...more];
  }
  return withhold(unscannedRule, `after ${mostRounds} rounds there are still secrets in it`);
}

/** A blob, or a name, as it is shown; undefined where it is shown as it is. @param ending behind the placeholder of a whole. */
export function maskContent(
  masker: Masker,
  content: Buffer,
  options: MaskingOptions = {},
  ending = '\n',
): MaskedContent | undefined {
  const masking = cutSecrets(masker, content, options);
  if (masking === undefined) return undefined;
  if ('withheld' in masking) {
    const placeholder = wholePlaceholder(masker, content, masking.withheld);
    return wholeContent(content, Buffer.from(placeholder + ending), placeholder, masking.withheld);
  }
  const { filled } = masking;
  return { content: filled.content, spans: spansOf(content, filled.placed) };
}

/** What stands for all of a content. */
export function wholePlaceholder({ key }: Masker, content: Buffer, { rule }: Withheld): string {
  return formatPlaceholder(key, rule, content, 'whole');
}

/** An object that holds nothing of the original but this placeholder. */
export function wholeContent(
  original: Buffer,
  content: Buffer,
  placeholder: string,
  { rule, why }: Withheld,
): MaskedContent {
  const all = { start: 0, end: original.length, viewStart: 0, viewEnd: content.length };
  return { content, spans: [{ ...all, rule, placeholder, secret: original }], whole: why };
}

const withhold = (rule: string, why: string): Masking => ({ withheld: { rule, why } });

const ruleOf = (cuts: readonly Cut[]): string =>
  cuts.find(({ instead }) => instead === undefined)?.rule ?? unscannedRule;

const hyphen = '-';

function fillerOf(key: Buffer, encoding: ContentEncoding, form: PlaceholderForm) {
  return ({ rule, wide, instead }: Cut, secret: Buffer): Filling | undefined => {
    if (instead !== undefined) return { text: instead, bytes: bytesOf(instead, wide) };
    if (encoding !== 'binary') {
      const text = formatPlaceholder(key, rule, secret, form);
      return { text, bytes: bytesOf(text, wide) };
    }
    const length = wide ? (secret.length + 1) / 2 : secret.length;
    const text = formatPadded(key, rule, secret, length);
    return text === undefined ? undefined : { text, bytes: bytesOf(text.padEnd(length, hyphen), wide) };
  };
}

// What looks like a placeholder is one, and nothing around it belongs to it: so no other original gives these bytes.
function holdsOnly({ content, placed }: FilledContent): boolean {
  const ours = placed.filter(({ instead }) => instead === undefined);
  const found = findPlaceholders(content);
  return (
    found.length === ours.length &&
    found.every(({ start, placeholder, wide }, i) => {
      const cut = ours[i];
      return cut?.viewStart === start && cut.text === placeholder && cut.wide === wide;
    })
  );
}
