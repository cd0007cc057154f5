import type { ReadMode } from '../domain/mask.ts';
import type { Reason } from '../domain/policy.ts';
import type { Principal, PushFacts, RefFacts } from '../domain/session.ts';
import type { AccessLine } from './document.ts';
import { fold } from './fold.ts';
import { checkWho, matchedAll } from './match.ts';
import { anyMatches, type Pattern, type Width } from './pattern.ts';

/** The patterns for one user: `{user}` in them is the user's name. */
export function bound(patterns: readonly Pattern[], { user }: Principal): readonly Pattern[] {
  return patterns.map((pattern) => pattern.for(user));
}

/** The access lines that grant this on some ref of the repository, as they are for this principal. */
export function grants(
  access: readonly AccessLine[],
  principal: Principal,
  repo: string,
  action: 'read' | 'write',
): readonly AccessLine[] {
  return access
    .filter((line) => line.may.includes(action) && isFor(line, principal, repo))
    .map((line) => boundLine(line, principal));
}

function isFor(line: AccessLine, principal: Principal, repo: string, width: Width = 'exact'): boolean {
  return (
    matchedAll(checkWho(line.who, principal, 'exact')) && anyMatches(bound(line.repo, principal), repo, width)
  );
}

/** The ways to read, the strictest first. */
export const readModes = ['deny-secrets', 'cut', 'masked', 'clear'] as const satisfies readonly ReadMode[];

/**
 * How the principal reads the repository, see `Policy.readMode`. Any line that grants something there may narrow it, also
 * where the repository is named in other letters: to many hosts it is the same one.
 */
export function readModeOf(access: readonly AccessLine[], principal: Principal, repo: string): ReadMode {
  const says = ({ read }: AccessLine): Width => (read === 'clear' ? 'exact' : 'wide');
  const lines = access.filter((line) => isFor(line, principal, repo, says(line)));
  const said = new Set(lines.map(({ read }) => read));
  return readModes.find((mode) => said.has(mode)) ?? readModeFor(principal);
}

function readModeFor({ kind }: Principal): ReadMode {
  return kind === 'person' ? 'clear' : 'masked';
}

/** The access line as it is for this principal. */
export function boundLine(line: AccessLine, principal: Principal): AccessLine {
  const { only, alsoRefs } = line;
  return {
    ...line,
    repo: bound(line.repo, principal),
    ...(only ? { only: bound(only, principal) } : {}),
    ...(alsoRefs ? { alsoRefs: bound(alsoRefs, principal) } : {}),
  };
}

/** Whether a line that grants writing grants it on this ref. */
export function coversRef(line: AccessLine, ref: string): boolean {
  return !line.only || anyMatches(line.only, ref, 'exact') || widensTo(line, ref);
}

/**
 * Namespaces that belong to the host or that change how git reads every other
 * object (git-replace(1)). No wildcard opens them, only the exact name of a ref.
 */
const closedNamespaces = [
  'refs/replace/',
  'refs/pull/',
  'refs/pull-requests/',
  'refs/merge-requests/',
  'refs/changes/',
  'refs/keep-around/',
  'refs/pipelines/',
  'refs/environments/',
  'refs/remotes/',
  'refs/original/',
  'refs/bisect/',
  'refs/rewritten/',
  'refs/worktree/',
  'refs/hidden/',
  'refs/stash',
] as const;

function widensTo(line: AccessLine, ref: string): boolean {
  const folded = fold(ref);
  const closed = closedNamespaces.some((start) => folded.startsWith(start));
  return (line.alsoRefs ?? []).some((pattern) =>
    closed ? pattern.source === ref : pattern.matches(ref, 'exact'),
  );
}

/** Only branches and tags, unless a line opens more. */
export function judgeNamespace(lines: readonly AccessLine[], { ref }: RefFacts): readonly Reason[] {
  if (/^refs\/(?:heads|tags)\/./.test(ref) || lines.some((line) => widensTo(line, ref))) return [];
  const text = `${ref} is neither a branch nor a tag; push to refs/heads/ or refs/tags/`;
  return [{ rule: 'REF_NAMESPACE', code: 'REF_NAMESPACE', text }];
}

/** Whether some line grants writing to the ref. */
export function judgeAccess(
  lines: readonly AccessLine[],
  repo: string,
  { ref }: RefFacts,
): readonly Reason[] {
  if (lines.some((line) => coversRef(line, ref))) return [];
  const open = [...new Set(lines.flatMap((line) => line.only ?? []).map((pattern) => pattern.source))];
  const text =
    open.length === 0
      ? `you may not write to ${repo}; ask an administrator for access`
      : `${ref} is not yours to write; push to ${open.join(' or ')}, or ask an administrator for access`;
  return [{ rule: 'ACCESS_DENIED', code: 'ACCESS_DENIED', text }];
}

/** Push options reach the upstream for the push as a whole, so that each must be allowed on every ref that may be written. */
export function judgePushOptions(lines: readonly AccessLine[], facts: PushFacts): readonly Reason[] {
  const covering = facts.refs
    .map(({ ref }) => lines.filter((line) => coversRef(line, ref)))
    .filter((found) => found.length > 0);
  const allowed = (option: string) =>
    covering.length > 0 &&
    covering.every((found) => found.some((line) => anyMatches(line.pushOptions ?? [], option, 'exact')));
  return [...new Set(facts.pushOptions)]
    .filter((option) => !allowed(option))
    .map((option) => {
      const shown = JSON.stringify(option.length > 60 ? `${option.slice(0, 60)}...` : option);
      const text = `the push option ${shown} is not allowed; push again without it`;
      return { rule: 'PUSH_OPTION_DENIED', code: 'PUSH_OPTION_DENIED', text };
    });
}
