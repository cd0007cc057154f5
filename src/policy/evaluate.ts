import type { Ask, Reason, RefVerdict, Steps } from '../domain/policy.ts';
import type { Principal, PushFacts } from '../domain/session.ts';
import { grants, judgeAccess, judgeNamespace, judgePushOptions } from './access.ts';
import { runChecks } from './checks.ts';
import { CommitQuestions, compile } from './compile.ts';
import { effectOf, type PolicyDocument, type Rule } from './document.ts';
import { openFindings } from './findings.ts';
import { isImagined } from './imagine.ts';
import { Pace, readWork } from './pace.ts';
import { asksForNewFiles, deepest, levels } from './reach.ts';
import { type Entry, newEntry, scan } from './scan.ts';
import type { Scope } from './subject.ts';
import { tellHit } from './tell.ts';
import { type Lineage, lineageOf } from './way-out.ts';

/** What a rule that throws is reported to. */
export type OnFault = (rule: string, cause: unknown) => void;

/**
 * One verdict for each ref, with every reason. Deny beats ask beats allow, and
 * what no rule speaks about is allowed to who may write. A rule that throws
 * denies, and `onFault` is told its cause. In steps: the lists of a push may be long.
 */
export function* judging(
  policy: PolicyDocument,
  principal: Principal,
  repo: string,
  facts: PushFacts,
  onFault: OnFault,
): Steps<readonly RefVerdict[]> {
  const lines = grants(policy.access, principal, repo, 'write');
  const options = judgePushOptions(lines, facts);
  const pace = new Pace();
  const verdicts: RefVerdict[] = [];
  for (const scope of yield* scopesOf(policy, principal, repo, facts, pace)) {
    const found: Found = { deny: [], ask: [], warn: [], would: [], asks: [] };
    found.deny.push(...judgeNamespace(lines, scope.ref), ...judgeAccess(lines, repo, scope.ref), ...options);
    for (const { effect, reasons } of runChecks(policy.checks, facts, scope.contents)) {
      if (effect === 'allow') continue;
      found[typeof effect === 'string' ? effect : 'ask'].push(...reasons);
      const [first] = reasons;
      if (typeof effect !== 'string' && first) found.asks.push(askOf(first.rule, effect.ask));
    }
    found.deny.push(...judgeNotKnown(policy, scope));
    const ran = yield* runRules(policy, scope, pace);
    const told = ran.some(([rule, entry]) => effectOf(rule) !== 'allow' && !entry.fault && asksWayOut(entry));
    const lineage = yield* lineageOf(scope.ref, told ? scope.contents : undefined, pace);
    for (const [rule, entry] of ran) speak(found, policy, rule, entry, lineage, onFault);
    verdicts.push(verdictOf(scope.ref.ref, found));
    if (pace.isDue(compileWork * policy.rules.length)) yield;
  }
  return verdicts;
}

/** What it takes to make one rule ready for one ref, in the units of Pace. */
const compileWork = 16;

/** Whether what the rule matched lies in a commit, and so has a way out that depends on how the commits lie. */
function asksWayOut({ hits }: Entry): boolean {
  return hits.some(({ kind }) => kind !== 'ref' && kind !== 'unknown');
}

/** Every ref update of the push, with what it brings. */
export function* scopesOf(
  policy: PolicyDocument,
  principal: Principal,
  repo: string,
  push: PushFacts,
  pace: Pace,
): Steps<readonly Scope[]> {
  const isAsked = policy.rules.some((rule) => asksForNewFiles(rule.when));
  const newFiles = isAsked ? yield* countNewFiles(push, pace) : undefined;
  return push.refs.map((ref, index) => ({
    principal,
    repo,
    ref,
    push,
    contents: push.contents?.[index],
    newFiles,
  }));
}

function* countNewFiles({ contents }: PushFacts, pace: Pace): Steps<number> {
  let count = 0;
  for (const { changes } of contents ?? [])
    for (const change of changes) {
      if (pace.isDue(readWork)) yield;
      if (change.kind === 'add') count++;
    }
  return count;
}

/** Every rule that may concern the ref, with what it matched. */
function* runRules(
  { rules, secrets }: PolicyDocument,
  scope: Scope,
  pace: Pace,
): Steps<readonly (readonly [Rule, Entry])[]> {
  const commits = new CommitQuestions();
  const compiled = rules.map((rule): readonly [Rule, Entry] => {
    try {
      return [rule, newEntry(compile(rule.when, scope, rule.then === 'allow' ? 'exact' : 'wide', commits))];
    } catch (cause) {
      return [rule, { ...newEntry([]), fault: { cause } }];
    }
  });
  const entries = compiled.map(([, entry]) => entry);
  yield* scan(entries, scope.contents, yield* findingsOf(scope, secrets, pace), commits, pace);
  return compiled;
}

/** What is to be told of secrets: those of the update, and those that belong to no update alone. */
export function findingsOf(
  { contents, push }: Scope,
  secrets: PolicyDocument['secrets'],
  pace: Pace,
): ReturnType<typeof openFindings> {
  const all = [...(contents?.findings ?? []), ...(push.findings ?? [])];
  return openFindings(all, secrets, push.at, pace);
}

/** Rules about what a push brings must not be silent because nobody looked. */
function judgeNotKnown({ rules, mode }: PolicyDocument, { ref, contents }: Scope): readonly Reason[] {
  if (contents || isImagined(ref.newOid)) return [];
  const binding = rules.filter((rule) => {
    const effect = effectOf(rule);
    return (rule.mode ?? mode) === 'enforce' && (effect === 'deny' || effect === 'ask');
  });
  if (!binding.some((rule) => deepest(rule.when) > levels.ref)) return [];
  const text = `what ${ref.ref} brings was not looked at; push again, or ask an administrator`;
  return [{ rule: 'HISTORY_UNKNOWN', code: 'HISTORY_UNKNOWN', text }];
}

interface Found {
  readonly deny: Reason[];
  readonly ask: Reason[];
  readonly warn: Reason[];
  readonly would: (Reason & { readonly effect: 'deny' | 'ask' | 'warn' })[];
  readonly asks: Ask[];
}

function speak(
  found: Found,
  policy: PolicyDocument,
  rule: Rule,
  entry: Entry,
  lineage: Lineage,
  onFault: OnFault,
): void {
  if (entry.fault) onFault(rule.name, entry.fault.cause);
  const effect = entry.fault ? 'deny' : effectOf(rule);
  if (effect === 'allow' || (!entry.fault && entry.total === 0)) return;
  const reasons = entry.fault ? [fault(rule)] : reasonsOf(rule, entry, lineage);
  if ((rule.mode ?? policy.mode) === 'evaluate')
    found.would.push(...reasons.map((reason) => ({ ...reason, effect })));
  else {
    found[effect].push(...reasons);
    if (effect === 'ask' && typeof rule.then !== 'string') found.asks.push(askOf(rule.name, rule.then.ask));
  }
}

function reasonsOf(rule: Rule, { hits, total }: Entry, lineage: Lineage): readonly Reason[] {
  const code = effectOf(rule) === 'ask' ? 'APPROVAL_REQUIRED' : 'POLICY_DENIED';
  return hits.map((hit, at) => {
    const more = at === hits.length - 1 && total > hits.length ? ` (and ${total - hits.length} more)` : '';
    return { rule: rule.name, code, text: tellHit(rule, hit, lineage, more) };
  });
}

function askOf(rule: string, terms: Extract<Rule['then'], object>['ask']): Ask {
  const { codeowners, reason, breakGlass, ...always } = terms;
  return {
    rule,
    ...always,
    ...(codeowners ? { codeowners } : {}),
    ...(reason === undefined ? {} : { reason }),
    ...(breakGlass === undefined ? {} : { breakGlass }),
  };
}

function verdictOf(ref: string, { deny, ask, warn, would, asks }: Found): RefVerdict {
  const effect = deny.length > 0 ? 'deny' : ask.length > 0 ? 'ask' : 'allow';
  return {
    ref,
    effect,
    reasons: [...deny, ...ask],
    ...(warn.length > 0 ? { warnings: warn } : {}),
    ...(would.length > 0 ? { wouldSay: would } : {}),
    ...(effect === 'ask' ? { asks } : {}),
  };
}

function fault({ name }: Rule): Reason {
  const text = `${name}: the rule could not be evaluated, so it denies; ask an administrator of the policy`;
  return { rule: name, code: 'POLICY_DENIED', text };
}
