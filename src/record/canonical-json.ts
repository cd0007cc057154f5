import { RefgateError } from '../domain/error.ts';

const loneSurrogate = /\p{Surrogate}/u;

/**
 * JSON Canonicalization Scheme, RFC 8785: no white space, members sorted by
 * UTF-16 code units, numbers and strings as ECMAScript writes them. Members
 * that are undefined are left out. Throws INTERNAL for what JSON cannot say
 * (NaN, a lone surrogate, a function, an instance of a class).
 */
export function canonicalJson(value: unknown): string {
  switch (typeof value) {
    case 'boolean':
      return String(value);
    case 'number':
      if (!Number.isFinite(value)) throw notJson(String(value));
      return JSON.stringify(value);
    case 'string':
      if (loneSurrogate.test(value)) throw notJson('a lone surrogate');
      return JSON.stringify(value);
    case 'object':
      if (value === null) return 'null';
      return Array.isArray(value) ? formatArray(value) : formatObject(value);
    default:
      throw notJson(typeof value);
  }
}

function formatArray(items: readonly unknown[]): string {
  return `[${items.map(canonicalJson).join(',')}]`;
}

function formatObject(object: object): string {
  const prototype: unknown = Object.getPrototypeOf(object);
  if (prototype !== Object.prototype && prototype !== null) throw notJson('an instance of a class');
  const members = Object.entries(object)
    .filter(([, value]) => value !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, value]) => `${canonicalJson(name)}:${canonicalJson(value)}`);
  return `{${members.join(',')}}`;
}

function notJson(what: string): RefgateError {
  return new RefgateError('INTERNAL', 'refgate', `canonical JSON cannot hold ${what}`);
}
