import { RefgateError } from '../domain/error.ts';
import type { ObjectFormat, ObjectType, Oid } from '../domain/git.ts';

/**
 * Commits and tags, checked as git-fsck(1) does. What git calls an error is
 * refused, and so is a NUL anywhere, because git shows nothing beyond it. What
 * git only warns or informs about is accepted, since real old histories hold
 * it: a missing tagger, headers that nobody knows. One error of git's is
 * accepted too: time zones of up to seven digits, which old rewriting tools
 * left in well-known repositories.
 */

export interface CommitLinks {
  readonly tree: Oid;
  readonly parents: readonly Oid[];
}

export interface TagLinks {
  readonly oid: Oid;
  readonly type: ObjectType;
}

const hexOf: Readonly<Record<ObjectFormat, string>> = { sha1: '[0-9a-f]{40}', sha256: '[0-9a-f]{64}' };
const linkLines = {
  sha1: linkPatterns('sha1'),
  sha256: linkPatterns('sha256'),
} as const;

function linkPatterns(format: ObjectFormat): { tree: RegExp; parent: RegExp; object: RegExp } {
  const line = (word: string) => new RegExp(`${word} (${hexOf[format]})\\n`, 'y');
  return { tree: line('tree'), parent: line('parent'), object: line('object') };
}

/** Reads the header lines of a commit or tag from the front, one expected line after another. */
class HeaderCursor {
  readonly #text: string;
  readonly #type: 'commit' | 'tag';
  #at = 0;

  constructor(content: Buffer, type: 'commit' | 'tag') {
    this.#type = type;
    if (content.includes(0)) throw this.malformed('it holds a NUL byte');
    const end = content.indexOf('\n\n');
    if (end < 0 && content[content.length - 1] !== 10) throw this.malformed('its header does not end');
    this.#text = content.toString('latin1', 0, end < 0 ? content.length : end + 1);
  }

  /** What the group of a sticky pattern matched at this place, or undefined. */
  take(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#at;
    const match = pattern.exec(this.#text);
    if (match === null) return undefined;
    this.#at = pattern.lastIndex;
    return match[1] ?? '';
  }

  need(pattern: RegExp, what: string): string {
    const found = this.take(pattern);
    if (found === undefined) throw this.malformed(`${what} is missing or not well-formed`);
    return found;
  }

  person(word: 'author' | 'committer' | 'tagger'): void {
    const fault = personFault(this.need(personLines[word], `the ${word} line`));
    if (fault !== undefined) throw this.malformed(`the ${word} line has ${fault}`);
  }

  /** None of these may come again in what is left of the header. */
  refuseAgain(pattern: RegExp): void {
    pattern.lastIndex = Math.max(0, this.#at - 1);
    const match = pattern.exec(this.#text);
    if (match !== null) throw this.malformed(`a ${match[1]} line comes twice or too late`);
  }

  malformed(detail: string): RefgateError {
    return new RefgateError('OBJECT_MALFORMED', 'client', `${this.#type}: ${detail}`);
  }
}

const personLines = {
  author: /author ([^\n]*)\n/y,
  committer: /committer ([^\n]*)\n/y,
  tagger: /tagger ([^\n]*)\n/y,
} as const;

const person = /^[^<>]* <[^<>]*> (\d+) [+-]\d{4,7}$/;

/** What is wrong with `name <address> seconds zone`, in the order in which git looks; undefined when nothing is. */
function personFault(text: string): string | undefined {
  const match = person.exec(text);
  if (match === null) return 'not the form "name <address> seconds zone"';
  const date = match[1] as string;
  if (date.length > 1 && date.startsWith('0')) return 'a date that begins with zero';
  // 2^63 - 1 seconds is the last that git's arithmetic takes.
  if (date.length > 19 || BigInt(date) > 0x7fffffffffffffffn) return 'a date that is too large';
  return undefined;
}

/** Git's own merges take no more. */
const maxParents = 65_535;

const afterCommitHeader = /\n(tree|parent|author|committer) /g;
const afterTagHeader = /\n(object|type|tag|tagger) /g;

/** Checks a commit and gives what it points to. Throws OBJECT_MALFORMED. */
export function checkCommit(content: Buffer, format: ObjectFormat): CommitLinks {
  const cursor = new HeaderCursor(content, 'commit');
  const lines = linkLines[format];
  const tree = cursor.need(lines.tree, 'the tree line');
  const parents: Oid[] = [];
  for (;;) {
    const parent = cursor.take(lines.parent);
    if (parent === undefined) break;
    parents.push(parent);
    if (parents.length > maxParents) throw cursor.malformed(`it has more than ${maxParents} parents`);
  }
  cursor.person('author');
  cursor.person('committer');
  cursor.refuseAgain(afterCommitHeader);
  return { tree, parents };
}

const tagType = /type (commit|tree|blob|tag)\n/y;
const tagName = /tag ([^\n]+)\n/y;
const taggerNext = /(?=tagger )/y;

/** Checks a tag and gives what it names. Throws OBJECT_MALFORMED. */
export function checkTag(content: Buffer, format: ObjectFormat): TagLinks {
  const cursor = new HeaderCursor(content, 'tag');
  const oid = cursor.need(linkLines[format].object, 'the object line');
  const type = cursor.need(tagType, 'the type line') as ObjectType;
  cursor.need(tagName, 'the tag line');
  if (cursor.take(taggerNext) !== undefined) cursor.person('tagger');
  cursor.refuseAgain(afterTagHeader);
  return { oid, type };
}

/** The part that both SHAttered files share, up to their comment "SHA-1 is dead": shattered.io. */
const shattered = Buffer.from(
  '%PDF-1.3\n%\xe2\xe3\xcf\xd3\n\n\n1 0 obj\n<</Width 2 0 R/Height 3 0 R/Type 4 0 R/Subtype 5 0 R/Filter 6 0 R' +
    '/ColorSpace 7 0 R/Length 8 0 R/BitsPerComponent 8>>\nstream\n\xff\xd8\xff\xfe\x00$SHA-1 is dead!!!!!',
  'latin1',
);

/**
 * Throws PACK_COLLISION when content[from .. from+size) begins as the known SHA-1 collision does.
 * A full search for collision attacks is left to the upstream: node's SHA-1
 * does not have it.
 */
export function checkCollision(content: Buffer, from: number, size: number): void {
  if (size < shattered.length || content[from] !== 0x25 || content[from + 1] !== 0x50) return;
  if (content.compare(shattered, 0, shattered.length, from, from + shattered.length) !== 0) return;
  throw new RefgateError('PACK_COLLISION', 'client', 'it begins as the SHAttered files do');
}
