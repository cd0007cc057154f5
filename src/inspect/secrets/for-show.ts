/**
 * What a reader may see although a rule finds it: keys that are published, pairs of words that documentation is full of,
 * digests and names in code beside the name of a service. A push that brings one is told of it all the same: a person is
 * there to judge. Masking rewrites every later commit for it, and nobody is asked.
 */
import { isRegularHex } from './checks/placeholder.ts';
import { isUncommon, looksChosen, looksGenerated } from './detectors/value.ts';
import { wordiness } from './detectors/wordiness.ts';
import { credentialFiles, isMostly } from './file-shapes.ts';
import { lineSpanAt } from './line.ts';
import type { SecretMatch } from './match.ts';
import { isPublished, publishedVersion } from './rules/published-keys.ts';

/** To be raised with every change of what is for show: views that were made before it are made anew. */
const edition = 1;

/** Names what is for show, beside the version of the rules: another one gives other views. */
export function forShowVersion(): string {
  return `${edition}-${publishedVersion()}`;
}

/**
 * Whether the match is nobody's secret, by its value, its line and the form of the content that it is in, and by nothing
 * else: the same content gives the same. A value whose checksum proves it is for show only where it is published.
 */
export function isForShow(content: Buffer, match: SecretMatch): boolean {
  const { rule, confidence, value, decoded } = match;
  if (isPublished(value)) return true;
  if (rule.id === 'basic-authorization')
    return isTrivialPair(Buffer.from(value, 'base64').toString('latin1'));
  // Of what is wrapped, only the wrapping is in sight.
  const shape = decoded.length === 0 ? credentialFiles[rule.id] : undefined;
  if (shape !== undefined && !isMostly(content, shape)) return true;
  if (!chosen.test(rule.id) && isName(value)) return true;
  if (confidence === 'high') return false;
  return isRegularHex(value) || isCall(value) || isTrivialUrl(content, match) || isDigest(content, match);
}

/** Rules of what people choose, which may be words. */
const chosen = /pass|cred|user|login|auth/;

const example = /^(?:https?:\/\/)?\[?(?:[\w.-]+\.)?(?:example(?:\.\w+)?|test|invalid|localhost)(?:[:/]|$)/i;
const shownUser =
  /^(?:users?(?:name)?|login|test\w*|fake\w*|foo\w*|bar|demo|dummy|example|sample|some\w*|my\w*|your\w*|name|me|a|u|x+|alice|bob|john|jane|joe)$/;

/** `user:password` as an example has it. */
function isTrivialPair(pair: string): boolean {
  const colon = pair.indexOf(':');
  return colon > 0 && isTrivial(pair.slice(0, colon), pair.slice(colon + 1));
}

/** What nobody can tell from an example: words of documentation, and under the names of its people what nobody chose with care. */
function isTrivial(user: string, password: string): boolean {
  const [name, plain] = [plainWord(user), plainWord(password)];
  if (name === plain || !isUncommon(password) || !isUncommon(plain)) return true;
  const isCareful = looksGenerated(password) || looksChosen(password);
  return !isCareful && (plain.length < 5 || shownUser.test(name));
}

// Without digits at the end, and with letters for the digits that stand for them.
function plainWord(word: string): string {
  const digits: Readonly<Record<string, string>> = {
    '0': 'o',
    '1': 'i',
    '3': 'e',
    '4': 'a',
    '5': 's',
    '@': 'a',
    $: 's',
  };
  return word
    .toLowerCase()
    .replace(/\d+$/, '')
    .replace(/[01345@$]/g, (sign) => digits[sign] ?? sign);
}

/** In `scheme://user:password@host`: the host is one of documentation, or the two words are. */
function isTrivialUrl(content: Buffer, { rule, start, end, value, decoded }: SecretMatch): boolean {
  if (rule.family !== 'url' && rule.id !== 'git-credentials-file') return false;
  if (decoded.length > 0) return !isUncommon(value);
  const { before, after } = around(content, start, end);
  const user = /:\/\/([^\s/:@]*):$/.exec(before)?.[1];
  if (user === undefined) return false;
  const host = /^@([^\s/"'`]+)/.exec(after)?.[1] ?? '';
  return isTrivial(user, value) || (example.test(host) && !looksGenerated(value));
}

/** Letters alone that read as words, as a name in code does and what a generator made does not; at least 8 bytes. */
function isName(value: string): boolean {
  return /^[A-Za-z]+(?:[._-][A-Za-z]+)*$/.test(value) && value.length >= 8 && wordiness(value) > 0.7;
}

/** A function that is called. */
const isCall = (value: string): boolean => /^[a-z_][A-Za-z_.]*\([A-Za-z_., ]*\)$/.test(value);

const digestBefore = new RegExp(
  [
    '/(?:commits?|blob|tree|raw|compare|archive|tarball|zipball|blame)/(?:[\\w./-]*\\.\\.)?$',
    '\\bcommit(?:-id|ted)?["\']?[ :=]+["\']?$',
    '\\b(?:sha-?(?:1|224|256|384|512)|md5|checksum|digest|integrity|etag|rev(?:ision)?|h1)["\']?\\s*[:=-]\\s*["\']?$',
    '\\bh1:[A-Za-z0-9+/]{43}=,$',
    '(?:github\\.com|gitlab\\.com|bitbucket\\.org|golang\\.org/x|gopkg\\.in|k8s\\.io)/[\\w./-]+[ \\t@#]+$',
  ].join('|'),
  'i',
);

/** An oid or a checksum, in a place where such stand. */
function isDigest(content: Buffer, { start, end, value, decoded }: SecretMatch): boolean {
  if (
    decoded.length > 0 ||
    !/^(?:[0-9a-f]{32,128}|[0-9A-F]{32,128}|[0-9a-f-]{36}|[A-Za-z0-9+/]{43}=?)$/.test(value)
  )
    return false;
  return digestBefore.test(around(content, start, end).before);
}

const greatestContext = 200;

/** What is beside the match in its line; with the `h1:` of what is one such value. */
function around(content: Buffer, start: number, end: number): { before: string; after: string } {
  const line = lineSpanAt(content, start);
  return {
    before: content.toString('latin1', Math.max(line.start, start - greatestContext), start),
    after: content.toString('latin1', end, Math.max(end, Math.min(line.end, end + greatestContext))),
  };
}
