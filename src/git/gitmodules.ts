import { RefgateError } from '../domain/error.ts';

/**
 * `.gitmodules` and `.gitattributes` of a pack, as git-fsck(1) checks them, and
 * what it learnt later. A submodule's name must not climb out of .git/modules
 * (CVE-2018-11235), no url or path may look like an option (CVE-2018-17456), no
 * value may hold a line break or another control character (CVE-2020-5260,
 * CVE-2025-48384), and `update` must not be a command. Like git, what follows a
 * syntax error is not read.
 */

/** Checks a .gitmodules file. Throws OBJECT_NAME_UNSAFE. */
export function checkGitmodules(content: Buffer): void {
  for (const { section, name, key, value } of readConfig(content.toString('latin1'))) {
    if (section !== 'submodule' || name === undefined) continue;
    checkSubmoduleName(name);
    if (value !== undefined) checkValue(key, value);
  }
}

function checkSubmoduleName(name: string): void {
  const climbs = name.split(/[/\\]/).includes('..');
  if (name === '' || climbs) throw unsafe(`submodule name ${JSON.stringify(name)}`);
}

function checkValue(key: string, value: string): void {
  if (key !== 'url' && key !== 'path' && key !== 'update') return;
  const fault = valueFault(key, value);
  if (fault !== undefined) throw unsafe(`submodule ${key} ${JSON.stringify(value.slice(0, 200))} ${fault}`);
}

function valueFault(key: string, value: string): string | undefined {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
  if (/[\x00-\x1f\x7f]/.test(value)) return 'holds a control character';
  if (value.startsWith('-')) return 'looks like an option';
  if (key === 'update' && value.startsWith('!')) return 'is a command';
  if (key !== 'url') return undefined;
  if (/%0[0ad]/i.test(value)) return 'holds an encoded line break';
  return climbsToScheme(value) ? 'climbs out of the host' : undefined;
}

/** `../` often enough before a `:` makes git read the rest as another transport (CVE-2020-11008). */
function climbsToScheme(url: string): boolean {
  return /^(?:\.\/)*(?:\.\.\/)(?:\.{1,2}\/)*(?::|\/)/.test(url) || /^https?:(?:\/{0,2}$|\/\/\/)/i.test(url);
}

interface Setting {
  readonly section: string;
  readonly name: string | undefined;
  readonly key: string;
  readonly value: string | undefined;
}

const sectionStart = /\[([0-9A-Za-z.-]+)(?:[ \t]+"((?:[^"\\\n]|\\[^\n])*)")?\]/y;
const keyStart = /([A-Za-z][0-9A-Za-z-]*)[ \t]*/y;

/** git-config(1) "Syntax". A section without settings is given once, with an empty key, so that its name is seen. */
function* readConfig(source: string): Generator<Setting> {
  const text = source.startsWith('\xef\xbb\xbf') ? source.slice(3) : source;
  let section = '';
  let name: string | undefined;
  let at = 0;
  for (;;) {
    at = skipGap(text, at);
    if (at >= text.length) return;
    const header = matchAt(sectionStart, text, at);
    if (header !== undefined) {
      [section, name] = sectionName(header.groups);
      at = header.end;
      yield { section, name, key: '', value: undefined };
      continue;
    }
    const key = matchAt(keyStart, text, at);
    if (key === undefined) return;
    const word = (key.groups[1] ?? '').toLowerCase();
    if (text[key.end] !== '=') {
      at = key.end;
      yield { section, name, key: word, value: undefined };
      if (at < text.length && text[at] !== '\n' && !text.startsWith('\r\n', at)) return;
      continue;
    }
    const read = readValue(text, key.end + 1);
    if (read === undefined) return;
    yield { section, name, key: word, value: read.value };
    at = read.end;
  }
}

/** `[section "name"]` keeps the name's case; the old form `[section.name]` folds it. */
function sectionName(groups: readonly (string | undefined)[]): [string, string | undefined] {
  const word = (groups[1] ?? '').toLowerCase();
  if (groups[2] !== undefined) return [word, groups[2].replace(/\\(.)/g, '$1')];
  const dot = word.indexOf('.');
  return dot < 0 ? [word, undefined] : [word.slice(0, dot), word.slice(dot + 1)];
}

/** Past white space and comments. A loop, because a pattern would need stack for a long run of them. */
function skipGap(text: string, from: number): number {
  let at = from;
  for (; at < text.length; at++) {
    const char = text[at] as string;
    if (char === '#' || char === ';') {
      at = text.indexOf('\n', at);
      if (at < 0) return text.length;
    } else if (char !== ' ' && char !== '\t' && char !== '\r' && char !== '\n') break;
  }
  return at;
}

function matchAt(pattern: RegExp, text: string, at: number) {
  pattern.lastIndex = at;
  const match = pattern.exec(text);
  return match === null
    ? undefined
    : { end: pattern.lastIndex, groups: match as readonly (string | undefined)[] };
}

const escapes: Readonly<Record<string, string>> = { '"': '"', '\\': '\\', n: '\n', t: '\t', b: '\b' };

/** The value up to the end of its line, as git reads it; undefined when git would refuse it. */
function readValue(text: string, from: number): { value: string; end: number } | undefined {
  const parts: string[] = [];
  let quotedNow = false;
  let kept = 0;
  let at = from;
  for (; at < text.length; at++) {
    const char = text[at] as string;
    if (char === '\n') break;
    if (char === '\r' && text[at + 1] === '\n') continue;
    if (quotedNow || !/[ \t#;]/.test(char)) {
      if (char === '"') quotedNow = !quotedNow;
      else if (char === '\\') {
        at += text[at + 1] === '\r' && text[at + 2] === '\n' ? 2 : 1;
        const next = text[at];
        if (next === '\n') continue;
        const escaped = next === undefined ? undefined : escapes[next];
        if (escaped === undefined) return undefined;
        parts.push(escaped);
      } else parts.push(char);
      kept = parts.length;
      continue;
    }
    if (char === '#' || char === ';') {
      at = text.indexOf('\n', at);
      if (at < 0) at = text.length;
      break;
    }
    if (parts.length > 0) parts.push(char);
  }
  if (quotedNow) return undefined;
  return { value: parts.slice(0, kept).join(''), end: at };
}

/** Lines of this length and more are an attack on git's reader (CVE-2022-23521). */
const maxAttributesLine = 2048;

/** Checks a .gitattributes file. Throws OBJECT_MALFORMED. */
export function checkGitattributes(content: Buffer): void {
  let from = 0;
  while (from < content.length) {
    const end = content.indexOf(10, from);
    const to = end < 0 ? content.length : end;
    if (to - from >= maxAttributesLine) {
      throw new RefgateError('OBJECT_MALFORMED', 'client', `.gitattributes: a line of ${to - from} bytes`);
    }
    from = to + 1;
  }
}

const unsafe = (detail: string) => new RefgateError('OBJECT_NAME_UNSAFE', 'client', `.gitmodules: ${detail}`);
