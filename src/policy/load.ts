import { createHash } from 'node:crypto';
import { RefgateError } from '../domain/error.ts';
import type { Log } from '../domain/log.ts';
import type { ContentAsked, Policy, RefVerdict, Steps, Verdict } from '../domain/policy.ts';
import type { Principal, PushFacts } from '../domain/session.ts';
import { grants, readModeOf } from './access.ts';
import type { PolicyCase, PolicyDocument } from './document.ts';
import { judging } from './evaluate.ts';
import { type Explanation, explaining } from './explain.ts';
import { lintCases, lintPolicy, reportAsks, reportBraces, reportExpired, reportReads } from './lint.ts';
import { atOnce } from './pace.ts';
import { type PolicyProblem, PolicySource } from './problems.ts';
import { asksForContent, asksForPath, asksForRef } from './reach.ts';
import { casesSchema, policySchema } from './schema.ts';

/** One version of the policy, ready to judge, with what people ask of it. */
export interface LoadedPolicy extends Policy {
  readonly text: string;
  readonly fileName: string;
  /** The cases that are written in the policy file itself. */
  readonly cases: readonly PolicyCase[];
  /** Every access line and rule, whether it matched, and why. */
  explain(principal: Principal, repo: string, facts: PushFacts): Explanation;
  /** The same as `explain`, in steps. */
  explaining(principal: Principal, repo: string, facts: PushFacts): Steps<Explanation>;
}

/**
 * Reads a policy. Throws POLICY_INVALID (operator) that names every problem,
 * one `file:line:column: text` a line. With `log`, a rule that throws is logged.
 */
export function loadPolicy(text: string, fileName: string, options: { log?: Log } = {}): LoadedPolicy {
  const source = new PolicySource(text);
  const document = readDocument(source);
  if (!document) throw invalid(fileName, source.problems);
  const { access } = document;
  const content = contentAskedFor(document);
  const version = createHash('sha256').update(text).digest('hex').slice(0, 12);
  const onFault = (rule: string, cause: unknown): void =>
    options.log?.error({ rule, err: cause, policy: version }, 'policy rule failed, push denied');
  const judgingPush: Policy['judging'] = (principal, repo, facts) =>
    verdictOf(version, judging(document, principal, repo, facts, onFault));
  return {
    version,
    text,
    fileName,
    cases: document.tests,
    may: (principal, repo, action) => grants(access, principal, repo, action).length > 0,
    readMode: (principal, repo) => readModeOf(access, principal, repo),
    mayPushOptions: (principal, repo) =>
      grants(access, principal, repo, 'write').some((line) => line.pushOptions !== undefined),
    judge: (principal, repo, facts) => atOnce(judgingPush(principal, repo, facts)),
    judging: judgingPush,
    asksForContent: () => content,
    explain: (principal, repo, facts) => atOnce(explaining(document, principal, repo, facts)),
    explaining: (principal, repo, facts) => explaining(document, principal, repo, facts),
  };
}

function* verdictOf(policyVersion: string, refs: Steps<readonly RefVerdict[]>): Steps<Verdict> {
  return { policyVersion, refs: yield* refs };
}

function contentAskedFor({ rules, checks }: PolicyDocument): ContentAsked {
  const asking = rules.filter((rule) => asksForContent(rule.when));
  return {
    asked: asking.length > 0,
    byRef: asking.some((rule) => asksForRef(rule.when)),
    byPath: asking.some((rule) => asksForPath(rule.when)),
    placeholders: checks.placeholders !== 'allow' && checks.placeholders !== 'warn',
  };
}

/** Every problem of a policy text, in the order of the file; none means that it can be applied. */
export function checkPolicy(text: string): readonly PolicyProblem[] {
  const source = new PolicySource(text);
  readDocument(source);
  return inOrder(source.problems);
}

/** What is valid and deserves a look: accepted secrets whose time has run out, braces in patterns, `read` that never counts, and asks that nobody may be there for. `at` is RFC 3339. */
export function policyWarnings(text: string, at: string): readonly PolicyProblem[] {
  const source = new PolicySource(text);
  if (source.problems.length > 0) return [];
  reportExpired(source, at);
  reportBraces(source);
  reportAsks(source);
  reportReads(source);
  return inOrder(source.problems);
}

/** Reads a file of cases. Throws POLICY_INVALID (operator) as loadPolicy does. */
export function loadCases(text: string, fileName: string): readonly PolicyCase[] {
  const source = new PolicySource(text);
  if (source.problems.length === 0) {
    const parsed = casesSchema.safeParse(source.value);
    if (!parsed.success) source.reportIssues(parsed.error.issues);
    lintCases(source);
    if (parsed.success && source.problems.length === 0) return parsed.data.tests;
  }
  throw invalid(fileName, source.problems);
}

function readDocument(source: PolicySource): PolicyDocument | undefined {
  if (source.problems.length > 0) return undefined;
  const parsed = policySchema.safeParse(source.value);
  if (!parsed.success) source.reportIssues(parsed.error.issues);
  lintPolicy(source);
  return parsed.success && source.problems.length === 0 ? parsed.data : undefined;
}

function invalid(fileName: string, problems: readonly PolicyProblem[]): RefgateError {
  const lines = inOrder(problems).map(({ line, column, text }) => `${fileName}:${line}:${column}: ${text}`);
  return new RefgateError('POLICY_INVALID', 'operator', lines.join('\n'));
}

function inOrder(problems: readonly PolicyProblem[]): readonly PolicyProblem[] {
  return [...problems].sort((a, b) => a.line - b.line || a.column - b.column);
}
