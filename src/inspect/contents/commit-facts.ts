import type { CommitFacts, Signature, SignatureKind } from '../../domain/facts.ts';
import type { ObjectFormat, Oid } from '../../domain/git.ts';
import { parentsOfCommit } from '../commit-cache.ts';

/** A message is cut here, in bytes. */
const maxMessageBytes = 16 * 1024;

/** Header lines are looked at up to here; a signature takes a few kilobytes. */
const maxHeaderBytes = 1024 * 1024;

/** Where the message of a commit or tag begins; its length when there is none. */
export function messageStart(content: Buffer): number {
  const end = content.indexOf('\n\n');
  return end < 0 ? content.length : end + 2;
}

/** The root tree that a commit names. */
export function treeOfCommit(content: Buffer, format: ObjectFormat): Oid {
  return content.toString('latin1', 5, 5 + (format === 'sha256' ? 64 : 40));
}

/** What a commit says of itself. Any bytes give an answer; nothing of it is proven. */
export function commitFacts(oid: Oid, content: Buffer, format: ObjectFormat): CommitFacts {
  const start = messageStart(content);
  const header = content.toString('latin1', 0, Math.min(start, maxHeaderBytes));
  const encoding = /\nencoding ([^\n]*)\n/.exec(header)?.[1];
  const cut = content.length - start > maxMessageBytes;
  const message = content.subarray(start, start + maxMessageBytes);
  return {
    oid,
    parents: parentsOfCommit(content, format),
    author: signatureOf(header, 'author', encoding),
    committer: signatureOf(header, 'committer', encoding),
    message: cut ? withoutHalf(decode(message, encoding)) : decode(message, encoding),
    messageCut: cut,
    signature: signatureKind(header),
  };
}

const latin1 = /^(iso-?8859-1|latin-?1|iso-?8859-15|windows-1252|cp1252)$/i;

/** Latin-1 where the commit says so; everything else is read as UTF-8, which nearly all of it is. */
function decode(bytes: Buffer, encoding: string | undefined): string {
  return bytes.toString(encoding !== undefined && latin1.test(encoding) ? 'latin1' : 'utf8');
}

/** A character of several bytes may have been cut in two. */
const withoutHalf = (text: string): string => text.replace(/\ufffd$/, '');

function signatureOf(header: string, word: string, encoding: string | undefined): Signature {
  const at = header.indexOf(`\n${word} `);
  if (at < 0) return { name: '', email: '', time: 0 };
  const from = at + word.length + 2;
  const end = header.indexOf('\n', from);
  return parseSignature(header.slice(from, end < 0 ? undefined : end), encoding);
}

/** Reads `name <address> seconds zone`, given as latin1. */
export function parseSignature(line: string, encoding?: string): Signature {
  const open = line.indexOf('<');
  const close = line.indexOf('>', open);
  if (open < 0 || close < 0) return { name: text(line, encoding), email: '', time: 0 };
  const time = Number.parseInt(line.slice(close + 1), 10);
  return {
    name: text(line.slice(0, open).trim(), encoding),
    email: text(line.slice(open + 1, close), encoding),
    time: Number.isSafeInteger(time) ? time : 0,
  };
}

const text = (bytes: string, encoding: string | undefined): string =>
  decode(Buffer.from(bytes, 'latin1'), encoding);

function signatureKind(header: string): SignatureKind {
  const found = /\ngpgsig(?:-sha256)? ([^\n]*)\n/.exec(header)?.[1];
  if (found === undefined) return 'none';
  if (/^-----BEGIN PGP (SIGNATURE|MESSAGE)-----/.test(found)) return 'openpgp';
  if (found.startsWith('-----BEGIN SSH SIGNATURE-----')) return 'ssh';
  return found.startsWith('-----BEGIN SIGNED MESSAGE-----') ? 'x509' : 'other';
}
