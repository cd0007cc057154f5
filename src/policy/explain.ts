import type { ReadMode } from '../domain/mask.ts';
import type { RefVerdict, Steps } from '../domain/policy.ts';
import type { Principal, PushFacts } from '../domain/session.ts';
import { bound, boundLine, coversRef, readModeOf } from './access.ts';
import { CommitQuestions, compile, compileKey, keyOrder, type Questions } from './compile.ts';
import {
  type Condition,
  type Effect,
  effectOf,
  type Mode,
  type PolicyDocument,
  type Rule,
} from './document.ts';
import { findingsOf, judging, scopesOf } from './evaluate.ts';
import { type Check, checkChange, checkNames, checkWho, matchedAll } from './match.ts';
import { Pace } from './pace.ts';
import type { Width } from './pattern.ts';
import { type Entry, type Hit, newEntry, scan } from './scan.ts';
import type { Scope } from './subject.ts';
import { printable } from './tell.ts';
import { short } from './way-out.ts';

/** One access line, in the order of the file and counted from 1. */
export interface ExplainedAccess {
  readonly line: number;
  readonly may: readonly ('read' | 'write')[];
  /** Where the line says how what it matches is read. */
  readonly read?: ReadMode;
  readonly matched: boolean;
  readonly checks: readonly Check[];
}

export interface ExplainedRule {
  readonly rule: string;
  readonly effect: Effect;
  readonly mode: Mode;
  readonly matched: boolean;
  /** Each key by itself; a rule can fail although each of them holds for something, where it is not one thing. */
  readonly checks: readonly Check[];
}

export interface ExplainedRef {
  readonly verdict: RefVerdict;
  readonly access: readonly ExplainedAccess[];
  readonly rules: readonly ExplainedRule[];
}

export interface Explanation {
  /** How who pushes reads the repository. */
  readonly read: ReadMode;
  readonly refs: readonly ExplainedRef[];
}

/** What every access line and every rule made of each ref of the push, and why, in steps; the verdict is judging's own. */
export function* explaining(
  policy: PolicyDocument,
  principal: Principal,
  repo: string,
  facts: PushFacts,
): Steps<Explanation> {
  const verdicts = yield* judging(policy, principal, repo, facts, () => {});
  const pace = new Pace();
  const refs: ExplainedRef[] = [];
  for (const [index, scope] of (yield* scopesOf(policy, principal, repo, facts, pace)).entries()) {
    const verdict = verdicts[index];
    if (!verdict) continue;
    const access = policy.access.map((line, at) => {
      const { only, may } = boundLine(line, principal);
      const checks = [
        ...checkWho(line.who, principal, 'exact'),
        checkNames('repo', bound(line.repo, principal), [repo], 'exact'),
        checkMay(may),
        ...(only
          ? [
              {
                ...checkNames('only', only, [scope.ref.ref], 'exact'),
                matched: coversRef(boundLine(line, principal), scope.ref.ref),
              },
            ]
          : []),
      ];
      const { read } = line;
      return {
        line: at + 1,
        may,
        ...(read === undefined ? {} : { read }),
        matched: matchedAll(checks),
        checks,
      };
    });
    refs.push({ verdict, access, rules: yield* explainRules(policy, scope, pace) });
  }
  return { read: readModeOf(policy.access, principal, repo), refs };
}

function checkMay(may: readonly string[]): Check {
  return { key: 'may', matched: may.includes('write'), why: `the line grants ${may.join(' and ')}` };
}

/** One part of a rule, with the questions that it asks. */
interface Part {
  readonly key: (typeof keyOrder)[number];
  readonly entry: Entry;
}

function* explainRules(policy: PolicyDocument, scope: Scope, pace: Pace): Steps<readonly ExplainedRule[]> {
  const commits = new CommitQuestions();
  const asked = policy.rules.map((rule) => {
    const width = rule.then === 'allow' ? 'exact' : 'wide';
    const parts = keyOrder
      .filter((key) => rule.when[key] !== undefined)
      .map((key): Part => ({ key, entry: entryOf(() => compileKey(key, rule.when, scope, width, commits)) }));
    return { rule, width, parts, whole: entryOf(() => compile(rule.when, scope, width, commits)) } as const;
  });
  const entries = asked.flatMap(({ whole, parts }) => [whole, ...parts.map((part) => part.entry)]);
  yield* scan(entries, scope.contents, yield* findingsOf(scope, policy.secrets, pace), commits, pace);
  return asked.map(({ rule, width, parts, whole }) => ({
    rule: rule.name,
    effect: effectOf(rule),
    mode: rule.mode ?? policy.mode,
    matched: whole.fault !== undefined || whole.total > 0,
    checks: parts.flatMap((part) => tellPart(part, rule, scope, width)),
  }));
}

function entryOf(make: () => Questions): Entry {
  try {
    return newEntry(make());
  } catch (cause) {
    return { ...newEntry([]), fault: { cause } };
  }
}

function tellPart({ key, entry }: Part, { when }: Rule, scope: Scope, width: Width): readonly Check[] {
  if (entry.fault) return [{ key, matched: true, why: 'it could not be evaluated' }];
  const whole = entry.questions.slice(1).every((ask) => ask === false);
  if (whole) return tellWhole(key, when, scope, width, entry.total > 0);
  const named = entry.hits.slice(0, 3).map(nameOf).join(', ');
  const why =
    entry.total === 0
      ? 'nothing that the update brings'
      : `${named}${entry.total > 3 ? ` and ${entry.total - 3} more` : ''}`;
  return [{ key, matched: entry.total > 0, why }];
}

/** A key that is about the update, the push or the people. */
function tellWhole(
  key: Part['key'],
  when: Condition,
  scope: Scope,
  width: Width,
  matched: boolean,
): readonly Check[] {
  const { principal, repo, ref, push } = scope;
  switch (key) {
    case 'who':
      return when.who ? [...checkWho(when.who, principal, width)] : [];
    case 'repo':
      return [checkNames('repo', bound(when.repo ?? [], principal), [repo], width)];
    case 'ref':
      return [checkNames('ref', bound(when.ref ?? [], principal), [ref.ref], width)];
    case 'change':
      return [checkChange(when.change ?? [], ref)];
    case 'network':
      return [{ key, matched, why: `the client is at ${push.address ?? 'an unknown address'}` }];
    case 'time':
      return [{ key, matched, why: `the push is judged at ${push.at ?? 'an unknown time'}` }];
    case 'hidden':
      return [{ key, matched, why: `${push.hidden?.count ?? 0} objects are reached by no ref of the push` }];
    case 'push':
      return [{ key, matched, why: tellPush(scope) }];
    default:
      return [{ key, matched, why: tellInner(key, when, scope, width) }];
  }
}

function tellPush({ push }: Scope): string {
  const commits = push.contents?.reduce((sum, { counts }) => sum + counts.commits, 0);
  const files = push.contents?.reduce((sum, { counts }) => sum + counts.changes, 0);
  const contents = commits === undefined ? '' : `${commits} commits, ${files ?? 0} files, `;
  return `${push.refs.length} refs, ${contents}${push.objects} objects, ${push.bytes} bytes, ${push.pushOptions.length} options`;
}

function tellInner(key: Part['key'], when: Condition, scope: Scope, width: Width): string {
  const inner = key === 'not' ? [when.not ?? {}] : ((key === 'any' ? when.any : when.all) ?? []);
  const turned = key === 'not' ? (width === 'wide' ? 'exact' : 'wide') : width;
  const told = inner.map((condition) => {
    const checks = keyOrder
      .filter((one) => condition[one] !== undefined)
      .flatMap((one) => {
        const { entry } = {
          entry: entryOf(() => compileKey(one, condition, scope, turned, new CommitQuestions())),
        };
        return tellWhole(
          one,
          condition,
          scope,
          turned,
          entry.questions.some((ask) => ask === true),
        );
      });
    return checks.length === 0 ? 'no condition' : checks.map((check) => check.why).join(', ');
  });
  return key === 'not' ? `not (${told.join()})` : told.join(key === 'any' ? '; or ' : ', ');
}

function nameOf(hit: Hit): string {
  switch (hit.kind) {
    case 'ref':
      return 'the update itself';
    case 'commit':
      return `commit ${short(hit.commit.oid)}`;
    case 'file':
      return printable(hit.change.path);
    case 'finding':
      return `${printable(hit.finding.rule)} in ${printable(hit.finding.path ?? hit.finding.place)}`;
    case 'unknown':
      return printable(hit.unknown.text);
  }
}
