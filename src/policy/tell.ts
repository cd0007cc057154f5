import type { Finding, PathChange, UnknownFact } from '../domain/facts.ts';
import type { RefFacts } from '../domain/session.ts';
import type { AskTerms, Rule } from './document.ts';
import { isImagined } from './imagine.ts';
import { changesOf } from './match.ts';
import { tellDuration, tellSize } from './quantities.ts';
import type { Hit } from './scan.ts';

/** What one rule says of one thing, on one line that ends with what to do. */
export function tellHit(rule: Rule, hit: Hit, ref: RefFacts): string {
  const effect = typeof rule.then === 'string' ? rule.then : 'ask';
  const [what, wayOut] = tellThing(hit, ref, effect === 'deny');
  if (typeof rule.then !== 'string') return `${rule.name}: ${what}; ${tellAsk(rule.then.ask, rule.say)}`;
  if (rule.then === 'warn' && hit.kind !== 'finding')
    return `${rule.name}: ${what}; ${rule.say ?? 'the push goes on, but look at this again'}`;
  const always = hit.kind === 'finding';
  const ends = [
    ...(always || rule.say === undefined ? [wayOut] : []),
    ...(rule.say === undefined ? [] : [rule.say]),
  ];
  return `${rule.name}: ${what}; ${ends.join('; ')}`;
}

function tellAsk({ groups, approvals, within }: AskTerms, say: string | undefined): string {
  const votes = approvals === 1 ? 'one approval' : `${approvals} approvals`;
  const text = `it needs ${votes} of ${groups.join(' and of ')} within ${tellDuration(within)}`;
  return say === undefined ? text : `${text}; ${say}`;
}

/** The thing, and the way out of it. */
function tellThing(hit: Hit, ref: RefFacts, denied: boolean): readonly [string, string] {
  const ask = 'ask an administrator of the policy';
  switch (hit.kind) {
    case 'ref':
      return [denied ? tellDenied(ref) : tellUpdate(ref), ask];
    case 'commit': {
      const { oid, author, message, parents } = hit.commit;
      const subject = cut(message.split('\n', 1)[0] ?? '');
      const about = subject === '' ? '' : ` (${printable(subject)})`;
      return [
        `commit ${short(oid)}${about} by ${printable(author.email)}`,
        rewrite(oid, ref, 'mend it', parents.length === 0),
      ];
    }
    case 'file':
      return tellFile(hit.change, ref);
    case 'finding':
      return tellFinding(hit.finding, ref);
    case 'unknown':
      return [tellUnknown(hit.unknown), ask];
  }
}

function tellFile(change: PathChange, ref: RefFacts): readonly [string, string] {
  const { path, from, kind, commit, size } = change;
  const name = from === undefined ? printable(path) : `${printable(from)} -> ${printable(path)}`;
  const large = size !== undefined && size >= 2 ** 20 ? ` (${tellSize(size)})` : '';
  const gone = kind === 'delete' ? ', deleted' : '';
  if (commit === undefined)
    return [`${name}${large}${gone}, by commits that other refs have`, 'leave those commits out'];
  const way = kind === 'delete' ? 'bring it back' : 'remove it from the commit';
  return [
    `${name}${large}${gone} in ${short(commit)}`,
    isTip(commit, ref) ? way : `${way}: ${rebase(commit)}`,
  ];
}

function tellFinding(finding: Finding, ref: RefFacts): readonly [string, string] {
  const { rule, sample, path, line, commit, place, decoded } = finding;
  const where = path === undefined ? '' : ` in ${printable(path)}${line === undefined ? '' : `:${line}`}`;
  const message = place === 'file' || place === 'path' ? '' : ` in ${placeNames[place]}`;
  const inCommit = commit === undefined ? '' : ` of commit ${short(commit)}`;
  const wrapped = decoded && decoded.length > 0 ? `, wrapped in ${decoded.join(' in ')}` : '';
  const what = `${printable(rule)} ${printable(sample)}${message || where}${inCommit}${wrapped}`;
  const way = commit === undefined ? removeOther(finding) : rewrite(commit, ref, 'remove it');
  return [what, `${way}, and rotate it if it is real`];
}

const placeNames = {
  file: 'a file',
  path: 'a path',
  'commit-message': 'the message',
  author: 'the author line',
  committer: 'the committer line',
  'tag-message': 'the message of the tag',
  tagger: 'the tagger line',
  ref: 'the ref name',
  'push-option': 'a push option',
} as const;

function removeOther({ place, path }: Finding): string {
  if (place === 'push-option') return 'push again without that option';
  if (place === 'ref') return 'choose another name';
  if (place === 'tag-message' || place === 'tagger') return 'make the tag again (git tag -f -a)';
  return path === undefined ? 'push from a fresh clone, without that object' : 'remove it';
}

/** How to change a commit: the tip by amending it, an older one by a rebase that stops at it. */
function rewrite(oid: string, ref: RefFacts, what: string, root = false): string {
  return isTip(oid, ref) ? `${what} (git commit --amend)` : `${what}: ${rebase(oid, root)}`;
}

function rebase(oid: string, root = false): string {
  const from = root ? '--root' : `${short(oid)}^`;
  return `git rebase -i ${from}, mark ${root ? short(oid) : 'it'} "edit", git commit --amend`;
}

function isTip(oid: string, ref: RefFacts): boolean {
  return ref.newOid === oid || isImagined(oid);
}

export function short(oid: string): string {
  return oid.slice(0, 10);
}

/** Text of a peer as part of one line: what is not seen, or acts on a terminal, is written as an escape. */
export function printable(text: string): string {
  if (/^[\x20-\x7e]*$/.test(text)) return text;
  return text.replace(
    /[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Cn}\p{Zl}\p{Zp}]/gu,
    (char) => `\\u{${(char.codePointAt(0) ?? 0).toString(16)}}`,
  );
}

/** What could not be established, and of which file or commit. */
export function tellUnknown({ text, path, commit }: UnknownFact): string {
  const of =
    path === undefined ? (commit === undefined ? undefined : `commit ${short(commit)}`) : printable(path);
  return of === undefined ? printable(text) : `${of}: ${printable(text)}`;
}

function cut(text: string): string {
  return text.length > 50 ? `${text.slice(0, 50)}...` : text;
}

function tellUpdate({ ref, kind }: RefFacts): string {
  return `${ref} is to be ${kind === 'create' ? 'created' : kind === 'delete' ? 'deleted' : 'updated'}`;
}

/** What the update would do, as people would say it: an old tip that is not reached from the new one is lost. */
function tellDenied(facts: RefFacts): string {
  const { ref, kind, namespace, oldOid, fastForward } = facts;
  if (kind === 'create') return `${ref} must not be created`;
  if (kind === 'delete') return `${ref} must not be deleted`;
  if (changesOf(facts).includes('fast-forward')) return `${ref} must not be updated`;
  const [old, commit] = isImagined(oldOid)
    ? ['its old tip', 'the old tip']
    : [short(oldOid), `commit ${short(oldOid)}`];
  if (namespace === 'tag') return `${ref} must not be moved away from ${old}`;
  if (fastForward === false) return `not a fast-forward, ${commit} would be lost from ${ref}`;
  return `not known to be a fast-forward, ${commit} might be lost from ${ref}`;
}
