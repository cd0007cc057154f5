import { createHash } from 'node:crypto';
import { RefgateError } from '../domain/error.ts';
import type { Log } from '../domain/log.ts';
import type { Policy } from '../domain/policy.ts';
import type { Principal, PushFacts } from '../domain/session.ts';
import { grants, judge } from './evaluate.ts';
import { type Explanation, explain } from './explain.ts';
import { type PolicyProblem, PolicySource } from './problems.ts';
import { casesSchema, type PolicyCase, type PolicyDocument, policySchema } from './schema.ts';

/** One version of the policy, ready to judge, with what people ask of it. */
export interface LoadedPolicy extends Policy {
  readonly text: string;
  readonly fileName: string;
  /** The cases that are written in the policy file itself. */
  readonly cases: readonly PolicyCase[];
  /** Every access line and rule, whether it matched, and why. */
  explain(principal: Principal, repo: string, facts: PushFacts): Explanation;
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
  const version = createHash('sha256').update(text).digest('hex').slice(0, 12);
  return {
    version,
    text,
    fileName,
    cases: document.tests,
    may: (principal, repo, action) => grants(access, principal, repo, action).length > 0,
    mayPushOptions: (principal, repo) =>
      grants(access, principal, repo, 'write').some((line) => line.pushOptions !== undefined),
    judge: (principal, repo, facts) => ({
      policyVersion: version,
      refs: judge(document, principal, repo, facts, (rule, cause) =>
        options.log?.error({ rule, err: cause, policy: version }, 'policy rule failed, push denied'),
      ),
    }),
    asksForContent: () => false,
    explain: (principal, repo, facts) => explain(document, principal, repo, facts),
  };
}

/** Every problem of a policy text, in the order of the file; none means that it can be applied. */
export function checkPolicy(text: string): readonly PolicyProblem[] {
  const source = new PolicySource(text);
  readDocument(source);
  return inOrder(source.problems);
}

/** Reads a file of cases. Throws POLICY_INVALID (operator) as loadPolicy does. */
export function loadCases(text: string, fileName: string): readonly PolicyCase[] {
  const source = new PolicySource(text);
  if (source.problems.length === 0) {
    const parsed = casesSchema.safeParse(source.value);
    if (!parsed.success) source.reportIssues(parsed.error.issues);
    checkCases(source);
    if (parsed.success && source.problems.length === 0) return parsed.data.tests;
  }
  throw invalid(fileName, source.problems);
}

function readDocument(source: PolicySource): PolicyDocument | undefined {
  if (source.problems.length > 0) return undefined;
  const parsed = policySchema.safeParse(source.value);
  if (!parsed.success) source.reportIssues(parsed.error.issues);
  checkAccess(source);
  checkRules(source);
  checkCases(source);
  return parsed.success && source.problems.length === 0 ? parsed.data : undefined;
}

function invalid(fileName: string, problems: readonly PolicyProblem[]): RefgateError {
  const lines = inOrder(problems).map(({ line, column, text }) => `${fileName}:${line}:${column}: ${text}`);
  return new RefgateError('POLICY_INVALID', 'operator', lines.join('\n'));
}

function inOrder(problems: readonly PolicyProblem[]): readonly PolicyProblem[] {
  return [...problems].sort((a, b) => a.line - b.line || a.column - b.column);
}

// What a schema cannot say is checked on the plain value, so that it is told together with the schema's own problems.

type Entry = { readonly path: readonly (string | number)[]; readonly map: Readonly<Record<string, unknown>> };

function isMap(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function entries(source: PolicySource, key: string): readonly Entry[] {
  const list = isMap(source.value) ? source.value[key] : undefined;
  if (!Array.isArray(list)) return [];
  return list.flatMap((map: unknown, index) => (isMap(map) ? [{ path: [key, index], map }] : []));
}

function checkAccess(source: PolicySource): void {
  for (const { path, map } of entries(source, 'access')) {
    const { who, may } = map;
    checkWho(source, [...path, 'who'], who);
    if ([may].flat().includes('write')) continue;
    for (const key of ['only', 'alsoRefs', 'pushOptions'])
      if (Object.hasOwn(map, key))
        source.report([...path, key], `"${key}" has no effect without may: write; remove it, or add write`);
  }
}

function checkRules(source: PolicySource): void {
  const seen = new Set<unknown>();
  for (const { path, map } of entries(source, 'rules')) {
    const { name, when, say, then } = map;
    if (seen.has(name))
      source.report([...path, 'name'], `the rule name "${String(name)}" is used twice; rename one`);
    if (name !== undefined) seen.add(name);
    if (say !== undefined && then === 'allow')
      source.report([...path, 'say'], '"say" is told only to who is denied; remove it');
    checkCondition(source, [...path, 'when'], when);
  }
}

function checkCondition(source: PolicySource, path: Entry['path'], value: unknown): void {
  if (!isMap(value)) return;
  const { who, not: negated } = value;
  checkWho(source, [...path, 'who'], who);
  for (const key of ['any', 'all']) {
    const list = value[key];
    if (Array.isArray(list))
      list.forEach((item: unknown, index) => {
        checkCondition(source, [...path, key, index], item);
      });
  }
  if (isMap(negated) && Object.keys(negated).length === 0)
    source.report([...path, 'not'], '"not" is empty and never matches; remove it, or name what it excludes');
  checkCondition(source, [...path, 'not'], negated);
}

function checkWho(source: PolicySource, path: Entry['path'], value: unknown): void {
  if (isMap(value) && Object.keys(value).length === 0)
    source.report(path, '"who" names nobody; give user, group or kind, or user: "**" for everybody');
}

function checkCases(source: PolicySource): void {
  for (const { path, map } of entries(source, 'tests')) {
    const { user, who, updates, may } = map;
    if ((user === undefined) === (who === undefined))
      source.report(path, 'give either "user" or "who", so that it is clear who acts');
    if ((updates === undefined) === (may === undefined))
      source.report(path, 'give either "updates" or "may", so that it is clear what is tried');
  }
}
