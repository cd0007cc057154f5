import type { Span } from '../rule.ts';
import type { Detector } from './detector.ts';

/** Bytes: an RSA key of 16384 bits, indented and on one line, and then some. */
const greatestBody = 24_576;
const greatestLabel = 40;
const dashes = Buffer.from('-----');
const begin = '-----BEGIN ';

/**
 * A private key in PEM from its BEGIN to its END; where the END is missing,
 * to where its text ends. The keyword is the end of its label, such as `PRIVATE KEY-----`.
 */
export const pemBlock: Detector = () => ({
  matcher: {
    before: greatestLabel + begin.length,
    after: greatestBody + greatestLabel,
    find(data, from, to, at, keyword): Span | undefined {
      const text = data.toString('latin1', Math.max(from, at - greatestLabel - begin.length), at);
      const label = /-----BEGIN [A-Z0-9 ]*$/.exec(text);
      if (label === null) return undefined;
      const start = at - label[0].length;
      const body = at + keyword.length;
      const limit = Math.min(to, body + greatestBody);
      const next = data.subarray(body, limit).indexOf(dashes);
      // Of six dashes the first is the mark of a patch that removes the line.
      const isRemoved = next !== -1 && data[body + next + dashes.length] === dashes[0];
      const close = next === -1 ? -1 : body + next + (isRemoved ? 1 : 0);
      if (close !== -1 && data.toString('latin1', close, Math.min(to, close + 9)) === '-----END ') {
        const closed = data.subarray(close + 9, Math.min(to, close + 9 + greatestLabel)).indexOf(dashes);
        return { start, end: closed === -1 ? close : close + 9 + closed + dashes.length };
      }
      const end = textEnd(data, body, close === -1 ? limit : close);
      return end > body ? { start, end } : undefined;
    },
  },
});

const bodyBytes = new Set(
  Buffer.from('ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=:-,\\"\'` \t\r\n'),
);

function textEnd(data: Buffer, from: number, limit: number): number {
  let end = from;
  while (end < limit && bodyBytes.has(data[end] as number)) end++;
  while (end > from && /[^A-Za-z0-9+/=]/.test(String.fromCharCode(data[end - 1] as number))) end--;
  return end;
}

const markers = ['PuTTY-User-Key-File-2: ', 'PuTTY-User-Key-File-3: '];
const lastLine = /Private-MAC: [0-9a-f]{32,64}/;
const greatestPutty = 16_384;

/** A key file of PuTTY from its first line to its MAC, or to the last line of its private part. */
export const puttyFile: Detector = () => ({
  matcher: {
    before: 0,
    after: greatestPutty,
    find(data, _from, to, at, keyword): Span | undefined {
      const body = at + keyword.length;
      const text = data.toString('latin1', body, Math.min(to, body + greatestPutty));
      const again = markers.map((marker) => text.indexOf(marker)).filter((index) => index !== -1);
      const own = text.slice(0, Math.min(text.length, ...again));
      const mac = lastLine.exec(own);
      if (!own.includes('Private-Lines: ')) return undefined;
      return { start: at, end: body + (mac === null ? own.trimEnd().length : mac.index + mac[0].length) };
    },
  },
});
