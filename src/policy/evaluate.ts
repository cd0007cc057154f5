import type { Reason, RefVerdict } from '../domain/policy.ts';
import type { Principal, PushFacts, RefFacts } from '../domain/session.ts';
import { fold } from './fold.ts';
import { isImagined } from './imagine.ts';
import { changesOf, checkCondition, checkWho, matchedAll } from './match.ts';
import { anyMatches } from './pattern.ts';
import type { AccessLine, PolicyDocument, Rule } from './schema.ts';

/** The access lines that grant this on some ref of the repository. */
export function grants(
  access: readonly AccessLine[],
  principal: Principal,
  repo: string,
  action: 'read' | 'write',
): readonly AccessLine[] {
  return access.filter(
    (line) =>
      line.may.includes(action) &&
      matchedAll(checkWho(line.who, principal, 'exact')) &&
      anyMatches(line.repo, repo, 'exact'),
  );
}

/** Whether a line that grants writing grants it on this ref. */
export function coversRef(line: AccessLine, ref: string): boolean {
  return !line.only || anyMatches(line.only, ref, 'exact') || widensTo(line, ref);
}

/**
 * One verdict for each ref, with every reason to deny it. Deny beats allow, and
 * what no rule speaks about is allowed to who may write. A rule that throws
 * denies, and `onFault` is told its cause.
 */
export function judge(
  policy: PolicyDocument,
  principal: Principal,
  repo: string,
  facts: PushFacts,
  onFault: (rule: string, cause: unknown) => void,
): readonly RefVerdict[] {
  const lines = grants(policy.access, principal, repo, 'write');
  const options = judgePushOptions(lines, facts);
  return facts.refs.map((ref) => {
    const subject = { principal, repo, facts: ref };
    const reasons = [
      ...judgeNamespace(lines, ref),
      ...judgeAccess(lines, repo, ref),
      ...options,
      ...policy.rules.flatMap((rule) => {
        try {
          return speaks(rule, subject) && rule.then === 'deny' ? [denial(rule, ref)] : [];
        } catch (cause) {
          onFault(rule.name, cause);
          return [{ rule: rule.name, code: 'POLICY_DENIED' as const, text: faultText(rule) }];
        }
      }),
    ];
    return { ref: ref.ref, effect: reasons.length === 0 ? 'allow' : 'deny', reasons };
  });
}

/** Whether the rule matches. A rule that refuses looks wide, one that allows looks at names as they are. */
export function speaks(rule: Rule, subject: Parameters<typeof checkCondition>[1]): boolean {
  return matchedAll(checkCondition(rule.when, subject, rule.then === 'deny' ? 'wide' : 'exact'));
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

function judgeNamespace(lines: readonly AccessLine[], { ref }: RefFacts): readonly Reason[] {
  if (/^refs\/(?:heads|tags)\/./.test(ref) || lines.some((line) => widensTo(line, ref))) return [];
  const text = `${ref} is neither a branch nor a tag; push to refs/heads/ or refs/tags/`;
  return [{ rule: 'REF_NAMESPACE', code: 'REF_NAMESPACE', text }];
}

function judgeAccess(lines: readonly AccessLine[], repo: string, { ref }: RefFacts): readonly Reason[] {
  if (lines.some((line) => coversRef(line, ref))) return [];
  const open = [...new Set(lines.flatMap((line) => line.only ?? []).map((pattern) => pattern.source))];
  const text =
    open.length === 0
      ? `you may not write to ${repo}; ask an administrator for access`
      : `${ref} is not yours to write; push to ${open.join(' or ')}, or ask an administrator for access`;
  return [{ rule: 'ACCESS_DENIED', code: 'ACCESS_DENIED', text }];
}

/** Push options reach the upstream for the push as a whole, so that each must be allowed on every ref that may be written. */
function judgePushOptions(lines: readonly AccessLine[], facts: PushFacts): readonly Reason[] {
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

function denial(rule: Rule, facts: RefFacts): Reason {
  const say = rule.say ?? 'ask an administrator of the policy';
  return { rule: rule.name, code: 'POLICY_DENIED', text: `${rule.name}: ${tellChange(facts)}; ${say}` };
}

/** What the update would do, as people would say it: an old tip that is not reached from the new one is lost. */
function tellChange(facts: RefFacts): string {
  const { ref, kind, namespace, oldOid, fastForward } = facts;
  if (kind === 'create') return `${ref} must not be created`;
  if (kind === 'delete') return `${ref} must not be deleted`;
  if (changesOf(facts).includes('fast-forward')) return `${ref} must not be updated`;
  const short = oldOid.slice(0, 10);
  const [old, commit] = isImagined(oldOid) ? ['its old tip', 'the old tip'] : [short, `commit ${short}`];
  if (namespace === 'tag') return `${ref} must not be moved away from ${old}`;
  if (fastForward === false) return `not a fast-forward, ${commit} would be lost from ${ref}`;
  return `not known to be a fast-forward, ${commit} might be lost from ${ref}`;
}

function faultText(rule: Rule): string {
  return `${rule.name}: the rule could not be evaluated, so it denies; ask an administrator of the policy`;
}
