import { deceptive } from '../../domain/deceptive.ts';

const found = new RegExp(`[${deceptive}]`, 'gu');

/**
 * A peer's text as one line of a message: line ends and tabs become spaces,
 * other control characters, bidi controls and invisible characters U+FFFD. At
 * most `max` UTF-16 units, the last of which is `…` when something was cut.
 */
export function oneLine(text: string, max: number): string {
  const line = text
    .slice(0, max * 4)
    .replace(/[\t\n\r\v\f\u0085\u2028\u2029]+/g, ' ')
    .replace(found, '\ufffd')
    .trim();
  return cut(line, max);
}

/** At most `max` UTF-16 units, and no half of a surrogate pair. */
export function cut(text: string, max: number): string {
  if (text.length <= max) return text;
  return `${text.slice(0, Math.max(0, max - 1)).replace(/[\ud800-\udbff]$/, '')}…`;
}

/** `& < >` as entities, and nothing else: the control characters of Slack's texts. At most `max` UTF-16 units. */
export function escapeSlack(text: string, max: number): string {
  const entities: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;' };
  let escaped = '';
  for (const character of text) {
    const next = entities[character] ?? character;
    if (escaped.length + next.length >= max) return `${escaped}…`;
    escaped += next;
  }
  return escaped;
}

/** Text for HTML, in elements and in quoted attributes. */
export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (found) => `&#${found.charCodeAt(0)};`);
}

/** What Teams and the flows behind it would replace: mentions, `{{DATE()}}`, `${...}` and `@{...}`. A space takes the sense away. */
export function escapeTeams(text: string): string {
  return text.replace(/<(?=\/?at\b)/gi, '< ').replace(/[{$@](?=\{)/g, '$& ');
}

/** Whether this is an e-mail address and nothing else: no name, no list, no header. */
export function isMailAddress(text: string): boolean {
  return /^[^\s\p{Cc}\p{Cf}<>()[\]\\,;:"@]{1,64}@[A-Za-z0-9.-]{1,253}$/u.test(text);
}
