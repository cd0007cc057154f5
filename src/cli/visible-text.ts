import { deceptive } from '../domain/deceptive.ts';

/** Also what every font draws as it likes; tabs stay. */
const hidden = new RegExp(`(?!\\t)[${deceptive}\\p{Co}]`, 'gu');

/** One line of a peer's text for a terminal: what would act or not be seen is spelled out as `<U+202E>`, line ends too. */
export function visibleText(text: string): string {
  return text.replace(
    hidden,
    (found) => `<U+${(found.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0')}>`,
  );
}

/** Text of several lines, each of them visible and after `indent`. */
export function visibleLines(text: string, indent: string): string {
  return text
    .trimEnd()
    .split(/\r?\n/)
    .map((line) => `${indent}${visibleText(line)}\n`)
    .join('');
}
