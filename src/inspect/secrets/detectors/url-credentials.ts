/**
 * RFC 3986, section 3.2.1: `scheme://user:password@host`. People write passwords
 * there that the grammar does not allow, so the last `@` before the path counts.
 * The span is the password alone.
 */
import { z } from 'zod';
import type { Matcher, Span } from '../rule.ts';
import type { Detector } from './detector.ts';
import { isUncommon } from './value.ts';
import { unrest, wordiness } from './wordiness.ts';

const schemes =
  /(?:^|[^A-Za-z0-9+.-])(?:jdbc:)?((?:https?|s?ftps?|ssh|git|git\+https?|git\+ssh|svn|svn\+ssh|postgres(?:ql)?(?:\+\w+)?|mysqlx?(?:\+\w+)?|mariadb(?:\+\w+)?|mongodb(?:\+srv)?|rediss?|valkeys?|amqps?|mssql(?:\+\w+)?|sqlserver|clickhouse|cockroachdb|cassandra|couchdb|couchbase|neo4j(?:\+s)?|bolt|influxdb|ldaps?|smtps?|imaps?|pop3s?|mqtts?|wss?|nats|kafka|socks[45]h?|rtsp|snowflake|oracle(?:\+\w+)?|db2|vertica|trino|hive|celery|stomp|elasticsearch|opensearch|rabbitmq|memcached|tcp|udp|irc))$/i;
const longestScheme = 32;
const longestAuthority = 512;

const optionsSchema = z.object({
  /** `strong` passwords look generated; `weak` ones are those that do not. */
  password: z.enum(['strong', 'weak']),
});

/** A rule with `detector = "url-credentials"`, and `://` for keyword. */
export const urlCredentials: Detector = (given) => {
  const wanted = optionsSchema.parse(given).password;
  const matcher: Matcher = {
    before: longestScheme,
    after: longestAuthority,
    // No authority holds a slash, so that all of them together are no longer than the data.
    mayMatch(data, _from, to, at) {
      const end = authorityEnd(data, at + 3, Math.min(to, at + longestAuthority));
      for (let i = at + 3; i < end; i++) if (data[i] === 0x40) return true;
      return false;
    },
    find(data, from, to, at) {
      const end = authorityEnd(data, at + 3, Math.min(to, at + longestAuthority));
      const scheme = schemes.exec(data.toString('latin1', Math.max(from, at - longestScheme), at));
      if (scheme === null) return undefined;
      const found = passwordOf(data.toString('latin1', at + 3, end));
      if (found === undefined || isForShow(found)) return undefined;
      if ((isStrong(found.password) ? 'strong' : 'weak') !== wanted) return undefined;
      return shifted(found.span, at + 3);
    },
  };
  return { matcher };
};

interface Credentials {
  readonly user: string;
  readonly password: string;
  readonly host: string;
  readonly span: Span;
}

const shifted = ({ start, end }: Span, by: number): Span => ({ start: start + by, end: end + by });

// White space, controls, quotes, a path or a query.
function authorityEnd(data: Buffer, start: number, to: number): number {
  let end = start;
  while (end < to) {
    const byte = data[end] as number;
    if (byte <= 0x20 || byte >= 0x7f || byte === 0x2f || byte === 0x3f) break;
    if (byte === 0x22 || byte === 0x27 || byte === 0x60 || byte === 0x3c || byte === 0x3e || byte === 0x5c)
      break;
    end++;
  }
  return end;
}

function passwordOf(authority: string): Credentials | undefined {
  const at = authority.lastIndexOf('@');
  const colon = authority.indexOf(':');
  if (colon < 0 || colon > at - 2) return undefined;
  const host = /^\[?[A-Za-z0-9._:-]+/.exec(authority.slice(at + 1))?.[0];
  if (host === undefined) return undefined;
  const user = authority.slice(0, colon);
  if (/[^A-Za-z0-9._%+~@!-]/.test(user)) return undefined;
  return { user, password: authority.slice(colon + 1, at), host, span: { start: colon + 1, end: at } };
}

const reserved =
  /^\[?(?:localhost|127\.|0\.0\.0\.0|::1)|(?:^|\.)(?:example|test|invalid|local|localhost)(?:\.|:|$)|^(?:host(?:name)?|server|domain|foo|bar|baz|address|ip|site|proxy|my-?host|your-?host)(?:$|[:.])/i;

function isForShow({ user, password, host }: Credentials): boolean {
  if (!isUncommon(password) || /[$<>{}*|()]|^%|^:/.test(password) || password.length < 5) return true;
  if (password.toLowerCase() === user.toLowerCase() || /^\[/.test(password)) return true;
  return reserved.test(host) && !isStrong(password);
}

function isStrong(password: string): boolean {
  const text = /%[0-9A-Fa-f]{2}/.test(password) ? decoded(password) : password;
  if (text.length < 8 || new Set(text).size < 6) return false;
  return unrest(text) * 2.2 + (/\d/.test(text) ? 0.5 : 0) - wordiness(text) * 0.6 >= 0.8;
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
