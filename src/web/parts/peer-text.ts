import { deceptive } from '../../domain/deceptive.ts';

/** Also what every font draws as it likes; line ends and tabs stay. */
const found = new RegExp(`(?![\\t\\n])[${deceptive}\\p{Co}]`, 'gu');

/**
 * Text of a peer, fit for a page: what would be invisible or change how the rest reads (control, bidi and invisible
 * characters, unpaired surrogates) is spelled out as `<U+202E>`. Line ends and tabs stay; CR LF becomes LF. The renderer
 * escapes HTML.
 */
export function peerText(text: string): string {
  return text.replaceAll('\r\n', '\n').replace(found, spelled);
}

function spelled(character: string): string {
  const number = character.codePointAt(0) ?? 0;
  return `<U+${number.toString(16).toUpperCase().padStart(4, '0')}>`;
}
