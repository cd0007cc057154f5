import type { Finding, PathChange, UnknownFact } from '../domain/facts.ts';
import type { RefFacts } from '../domain/session.ts';
import type { AskTerms, Rule } from './document.ts';
import { isImagined } from './imagine.ts';
import { changesOf } from './match.ts';
import { tellDuration, tellSize } from './quantities.ts';
import type { Hit } from './scan.ts';
import { changeCommit, type Lineage, leaveFileOut, short, takeSecretOut } from './way-out.ts';

/**
 * What one rule says of one thing: a first line that says what and where, and
 * what to do about it, at its end or on further lines, where commands are on lines
 * of their own. `more` ends the first line.
 */
export function tellHit(rule: Rule, hit: Hit, lineage: Lineage, more = ''): string {
  const effect = typeof rule.then === 'string' ? rule.then : 'ask';
  const what = `${rule.name}: ${tellThing(hit, lineage.ref, effect === 'deny')}${more}`;
  const { say } = rule;
  if (typeof rule.then !== 'string') return `${what}; ${tellAsk(rule.then.ask, say)}`;
  if (rule.then === 'warn' && hit.kind !== 'finding')
    return `${what}; ${say ?? 'the push goes on, but look at this again'}`;
  const lines = hit.kind === 'finding' || say === undefined ? wayOut(hit, lineage) : [];
  const ends = say === undefined ? lines : [...lines, say];
  const [first, ...others] = ends;
  const inline = ends.length === 1 || (hit.kind === 'finding' && hit.finding.commit === undefined);
  return inline ? [`${what}; ${first}`, ...others].join('\n  ') : [what, ...ends].join('\n  ');
}

/** What is asked for, as people read it; `say` ends it. */
export function tellAsk(
  { groups, codeowners, approvals, within, breakGlass }: AskTerms,
  say: string | undefined,
): string {
  const votes = approvals === 1 ? 'one approval' : `${approvals} approvals`;
  const asked = [
    ...(groups.length > 0 ? [`${votes} of ${groups.join(' and of ')}`] : []),
    ...(codeowners ? ['one approval of the owners of each changed file (CODEOWNERS)'] : []),
  ];
  const force = breakGlass === undefined ? '' : `; ${breakGlass.join(' or ')} may force it`;
  const text = `it needs ${asked.join(' and ')} within ${tellDuration(within)}${force}`;
  return say === undefined ? text : `${text}; ${say}`;
}

function wayOut(hit: Hit, lineage: Lineage): readonly string[] {
  switch (hit.kind) {
    case 'ref':
    case 'unknown':
      return ['ask an administrator of the policy'];
    case 'commit':
      return changeCommit(hit.commit.oid, lineage, 'mend it');
    case 'file':
      return leaveFileOut(hit.change, lineage);
    case 'finding':
      return takeSecretOut(hit.finding, lineage);
  }
}

function tellThing(hit: Hit, ref: RefFacts, denied: boolean): string {
  switch (hit.kind) {
    case 'ref':
      return denied ? tellDenied(ref) : tellUpdate(ref);
    case 'commit': {
      const { oid, author, message } = hit.commit;
      const subject = cut(message.split('\n', 1)[0] ?? '');
      const about = subject === '' ? '' : ` (${printable(subject)})`;
      return `commit ${short(oid)}${about} by ${printable(author.email)}`;
    }
    case 'file':
      return tellFile(hit.change);
    case 'finding':
      return tellFinding(hit.finding);
    case 'unknown':
      return tellUnknown(hit.unknown);
  }
}

function tellFile({ path, from, kind, commit, size }: PathChange): string {
  const name = from === undefined ? printable(path) : `${printable(from)} -> ${printable(path)}`;
  const large = size !== undefined && size >= 2 ** 20 ? ` (${tellSize(size)})` : '';
  const gone = kind === 'delete' ? ', deleted' : '';
  const by = commit === undefined ? ', by commits that other refs have' : ` in commit ${short(commit)}`;
  return `${name}${large}${gone}${by}`;
}

function tellFinding({ rule, sample, path, line, commit, place, decoded }: Finding): string {
  const where = path === undefined ? '' : ` in ${printable(path)}${line === undefined ? '' : `:${line}`}`;
  const message = place === 'file' || place === 'path' ? '' : ` in ${placeNames[place]}`;
  const inCommit = commit === undefined ? '' : ` of commit ${short(commit)}`;
  const wrapped = decoded && decoded.length > 0 ? `, wrapped in ${decoded.join(' in ')}` : '';
  return `${printable(rule)} ${printable(sample)}${message || where}${inCommit}${wrapped}`;
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
