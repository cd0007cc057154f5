import type { CommitFacts } from '../domain/facts.ts';
import type { Condition, SecretCondition } from './document.ts';
import { changesOf, checkNames, checkWho, matchedAll } from './match.ts';
import { matchCommit } from './match-commit.ts';
import { matchFile, matchPath } from './match-file.ts';
import { matchNetwork, matchPush, matchTime } from './match-push.ts';
import { anyMatches, turned, type Width } from './pattern.ts';
import { deepest, type Level, levels, speaksOfFiles } from './reach.ts';
import { type Ask, allOf, anyOf, noneOf, type Scope } from './subject.ts';

/** The questions that rules have about commits. Each is asked once for a commit, and the answer kept for its files. */
export class CommitQuestions {
  readonly asked: ((commit: CommitFacts) => boolean)[] = [];

  /** The number of the question. */
  add(question: (commit: CommitFacts) => boolean): number {
    return this.asked.push(question) - 1;
  }
}

/**
 * What to ask of the things of each level, by the number of the level. A
 * condition holds for a thing of level n when its keys hold for it, and one of
 * them is about things of that level.
 */
export type Questions = readonly Ask[];

const allLevels: readonly Level[] = Object.values(levels);
const never: Questions = allLevels.map(() => false);

/**
 * Turns a condition into questions for one ref update: what is the same for
 * all that the update brings is answered at once. `width` is turned round
 * inside `not`: what refuses must exclude no more than what was written.
 */
export function compile(
  condition: Condition,
  scope: Scope,
  width: Width,
  commits: CommitQuestions,
): Questions {
  const parts: Questions[] = [];
  for (const part of partsOf(condition, scope, width, commits)) {
    if (part.every((ask) => ask === false)) return never;
    parts.push(part);
  }
  return together(parts);
}

/** The parts of one condition, the cheapest first, each made when it is asked for. */
function* partsOf(
  condition: Condition,
  scope: Scope,
  width: Width,
  commits: CommitQuestions,
): Generator<Questions> {
  for (const key of keyOrder) {
    if (condition[key] === undefined) continue;
    yield compileKey(key, condition, scope, width, commits);
  }
}

/** The keys of a condition, in the order in which they are looked at. */
export const keyOrder = [
  'change',
  'who',
  'repo',
  'ref',
  'network',
  'time',
  'hidden',
  'push',
  'unknown',
  'secret',
  'brings',
  'path',
  'file',
  'commit',
  'not',
  'any',
  'all',
] as const satisfies readonly (keyof Condition)[];

/** One key of a condition, by itself. */
export function compileKey(
  key: (typeof keyOrder)[number],
  condition: Condition,
  scope: Scope,
  width: Width,
  commits: CommitQuestions,
): Questions {
  const { not, any, all, path, secret, unknown, commit } = condition;
  switch (key) {
    case 'path':
      return at(levels.file, path ? matchPath(path.for(scope.principal.user), width) : true);
    case 'file':
      return at(levels.file, matchFile({ file: condition.file }, undefined, width));
    case 'brings':
      return at(levels.file, matchFile({ brings: condition.brings }, undefined, width));
    case 'secret':
      return at(levels.finding, secret ? matchSecret(secret, width) : true);
    case 'unknown':
      return at(levels.unknown, (subject) => unknown?.includes(subject.unknown?.what ?? 'content') ?? true);
    case 'commit':
      return at(
        levels.commit,
        commit ? askCommit(matchCommit(commit, scope.principal, width), width, commits) : true,
      );
    case 'not':
      return not ? negated(not, compile(not, scope, turned(width), commits)) : never;
    case 'any':
      return either((any ?? []).map((one) => compile(one, scope, width, commits)));
    case 'all':
      return together((all ?? []).map((one) => compile(one, scope, width, commits)));
    case 'change':
      if (!speaksOfFiles(condition)) break;
      if (!condition.change?.some((one) => refWords.has(one)))
        return at(levels.file, matchFile({}, condition.change, width));
      break;
  }
  return at(levels.ref, matchRef(key, condition, scope, width));
}

const refWords: ReadonlySet<string> = new Set(['create', 'update', 'fast-forward', 'non-fast-forward']);

/** The keys that are about the update, the push and the people, which every thing of the update shares. */
function matchRef(key: keyof Condition, condition: Condition, scope: Scope, width: Width): boolean {
  const { who, repo, ref, change, network, time, hidden, push } = condition;
  const { principal } = scope;
  const bound = (patterns: typeof ref) => (patterns ?? []).map((pattern) => pattern.for(principal.user));
  switch (key) {
    case 'who':
      return !who || matchedAll(checkWho(who, principal, width));
    case 'repo':
      return checkNames('repo', bound(repo), [scope.repo], width).matched;
    case 'ref':
      return checkNames('ref', bound(ref), [scope.ref.ref], width).matched;
    case 'change':
      return changesOf(scope.ref).some((is) => change?.includes(is));
    case 'network':
      return matchNetwork(network ?? [], scope, width);
    case 'time':
      return !time || matchTime(time, scope, width);
    case 'hidden':
      return (scope.push.hidden?.count ?? 0) > 0 === hidden;
    case 'push':
      return !push || matchPush(push, scope, width);
    default:
      throw new Error(`no meaning for ${key}`);
  }
}

function at(level: Level, ask: Ask): Questions {
  return allLevels.map((one) => one === level && ask);
}

function upTo(questions: Questions, level: Level): Ask {
  return anyOf(questions.slice(0, level + 1));
}

/** All parts hold for the thing, and one of them is about things of its level. */
function together(parts: readonly Questions[]): Questions {
  if (parts.length === 0) return at(levels.ref, true);
  if (parts.length === 1) return parts[0] ?? never;
  return allLevels.map((level) => {
    const exact = anyOf(parts.map((part) => part[level] ?? false));
    return exact === false ? false : allOf([...parts.map((part) => upTo(part, level)), exact]);
  });
}

function either(parts: readonly Questions[]): Questions {
  return allLevels.map((level) => anyOf(parts.map((part) => part[level] ?? false)));
}

/** A `not` is about the deepest thing that its condition speaks about. */
function negated(condition: Condition, inner: Questions): Questions {
  const level = deepest(condition);
  return at(level, noneOf(upTo(inner, level)));
}

function askCommit(question: (commit: CommitFacts) => boolean, width: Width, commits: CommitQuestions): Ask {
  const number = commits.add(question);
  return (subject) => {
    if (subject.answers) return subject.answers[number] ?? false;
    // What belongs to no commit of the push is no such commit's; a commit that was not told is not known.
    return subject.commitOid !== undefined && width === 'wide';
  };
}

function matchSecret({ rule, family, confidence, tier, place }: SecretCondition, width: Width): Ask {
  return ({ finding }) =>
    finding !== undefined &&
    confidence.includes(finding.confidence) &&
    (!tier || tier.includes(finding.tier)) &&
    (!place || place.includes(finding.place)) &&
    (!rule || anyMatches(rule, finding.rule, width)) &&
    (!family || anyMatches(family, finding.family, width));
}
