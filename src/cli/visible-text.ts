/** Acts on a terminal, or hides or reorders what a person reads; tabs stay. */
const deceptive = /(?!\t)[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\p{Co}\p{Default_Ignorable_Code_Point}]/gu;

/** One line of a peer's text for a terminal: what would act or not be seen is spelled out as `<U+202E>`, line ends too. */
export function visibleText(text: string): string {
  return text.replace(
    deceptive,
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
