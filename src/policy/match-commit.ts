import type { CommitFacts, Signature } from '../domain/facts.ts';
import type { Principal } from '../domain/session.ts';
import type { CommitCondition } from './document.ts';
import { type Pattern, turned, type Width } from './pattern.ts';
import type { TextPattern } from './text-pattern.ts';

/**
 * Whether a commit is what the condition says. What is not known, such as the
 * rest of a very long message, counts as a match where the rule refuses.
 */
export function matchCommit(
  condition: CommitCondition,
  principal: Principal,
  width: Width,
): (commit: CommitFacts) => boolean {
  const asks: ((commit: CommitFacts) => boolean)[] = [];
  const { author, authorName, committer, committerName, message, messageLacks } = condition;
  const { signed, signedOff, merge, authorIsPusher, committerIsPusher } = condition;
  if (merge !== undefined) asks.push((commit) => commit.parents.length > 1 === merge);
  if (typeof signed === 'boolean') asks.push((commit) => (commit.signature !== 'none') === signed);
  else if (signed) asks.push((commit) => signed.some((kind) => kind === commit.signature));
  if (author) asks.push(({ author: { email } }) => anyAddress(author, email, principal, width));
  if (committer) asks.push(({ committer: { email } }) => anyAddress(committer, email, principal, width));
  if (authorName) asks.push(({ author: { name } }) => anyAddress(authorName, name, principal, width));
  if (committerName)
    asks.push(({ committer: { name } }) => anyAddress(committerName, name, principal, width));
  if (authorIsPusher !== undefined) asks.push((commit) => isPusher(authorIsPusher, commit.author, principal));
  if (committerIsPusher !== undefined)
    asks.push((commit) => isPusher(committerIsPusher, commit.committer, principal));
  if (signedOff !== undefined)
    asks.push((commit) => {
      if (hasSignOff(commit)) return signedOff;
      return commit.messageCut ? width === 'wide' : !signedOff;
    });
  if (message) asks.push((commit) => message.some((pattern) => holds(pattern, commit, width)));
  if (messageLacks)
    asks.push((commit) => messageLacks.some((pattern) => !holds(pattern, commit, turned(width))));
  return (commit) => asks.every((ask) => ask(commit));
}

function holds(pattern: TextPattern, commit: CommitFacts, width: Width): boolean {
  return pattern.found(commit.message) || (commit.messageCut && width === 'wide');
}

function lowerAscii(text: string): string {
  return text.replace(/[A-Z]/g, (letter) => letter.toLowerCase());
}

function anyAddress(patterns: readonly Pattern[], text: string, principal: Principal, width: Width): boolean {
  const lower = lowerAscii(text);
  return patterns.some((pattern) => pattern.for(lowerAscii(principal.user)).matches(lower, width));
}

/** A pusher whose addresses are not known is nobody's author. */
function isPusher(wanted: boolean | Pattern, { email }: Signature, principal: Principal): boolean {
  const lower = lowerAscii(email);
  if (typeof wanted !== 'boolean') return wanted.for(lowerAscii(principal.user)).matches(lower, 'exact');
  const is = (principal.emails ?? []).some((address) => lowerAscii(address) === lower);
  return is === wanted;
}

/** A Signed-off-by line with the author's address, as git commit --signoff writes it. */
function hasSignOff({ message, author }: CommitFacts): boolean {
  const wanted = lowerAscii(author.email);
  for (const [, address] of message.matchAll(/^signed-off-by:[^\n<]*<([^\n<>]*)>[ \t\r]*$/gim))
    if (lowerAscii(address ?? '').trim() === wanted) return true;
  return false;
}
