/** Characters that reorder, hide, or act where a person reads; line ends and tabs stay. */
const deceptive = /(?![\t\n])[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\p{Co}\p{Default_Ignorable_Code_Point}]/gu;

/**
 * Text of a peer, fit for a page: what would be invisible or change how the rest reads (control, bidi and invisible
 * characters, unpaired surrogates) is spelled out as `<U+202E>`. Line ends and tabs stay; CR LF becomes LF. The renderer
 * escapes HTML.
 */
export function peerText(text: string): string {
  return text.replaceAll('\r\n', '\n').replace(deceptive, spelled);
}

function spelled(character: string): string {
  const number = character.codePointAt(0) ?? 0;
  return `<U+${number.toString(16).toUpperCase().padStart(4, '0')}>`;
}
