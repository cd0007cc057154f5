/** An answer taken apart into its texts, to be put together again with others in their place. */
export interface AnswerStrings {
  readonly strings: ReadonlySet<string>;
  replaced(by: (text: string) => string): string;
}

/** Values and names of an answer in JSON; numbers stay as they are. */
export function jsonStrings(body: string): AnswerStrings {
  const value: unknown = JSON.parse(body);
  const strings = new Set<string>();
  mapped(value, (text) => {
    strings.add(text);
    return text;
  });
  return { strings, replaced: (by) => JSON.stringify(mapped(value, by)) };
}

function mapped(value: unknown, by: (text: string) => string): unknown {
  if (typeof value === 'string') return by(value);
  if (Array.isArray(value)) return value.map((one) => mapped(one, by));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, one]) => [by(name), mapped(one, by)]));
}

/** A tag, whose values may hold `>`, or text up to the next one. */
const pieces = /<(?:"[^"]*"|[^">])*>|[^<]+/g;
const values = /([a-z-]+)="([^"]*)"/gi;

/**
 * Text and values of attributes of a page of ours, as the renderer writes them: every value between double quotes, `<`
 * only where a tag begins. A link that would lead elsewhere leads nowhere.
 */
export function htmlStrings(body: string): AnswerStrings {
  const strings = new Set<string>();
  const walk = (by: (text: string) => string): string =>
    body.replace(pieces, (piece) => {
      if (!piece.startsWith('<'))
        return piece.trim() === '' ? piece : changed(piece, unescapeHtml(piece), by);
      // The mark of a form is the reader's own.
      if (piece.includes(' name="csrf"')) return piece;
      return piece.replace(values, (whole: string, name: string, value: string) => {
        const text = unescapeHtml(value);
        if (text.length < 4 || text.startsWith('/-/assets/')) return whole;
        if (!text.startsWith('/-/')) return `${name}="${changed(value, text, by)}"`;
        const link = decoded(text);
        return by(link) === link ? whole : `${name}="#"`;
      });
    });
  walk((text) => {
    strings.add(text);
    return text;
  });
  return { strings, replaced: walk };
}

function changed(as: string, text: string, by: (text: string) => string): string {
  const after = by(text);
  return after === text ? as : escapeHtml(after);
}

function decoded(link: string): string {
  try {
    return decodeURIComponent(link.replaceAll('+', ' '));
  } catch {
    return link;
  }
}

function unescapeHtml(text: string): string {
  const names: Readonly<Record<string, string>> = { lt: '<', gt: '>', quot: '"', '#39': "'", amp: '&' };
  return text.replace(/&(lt|gt|quot|#39|amp);/g, (whole, name: string) => names[name] ?? whole);
}

function escapeHtml(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;');
}
