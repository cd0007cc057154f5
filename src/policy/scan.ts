import type { CommitFacts, Finding, PathChange, RefContents, UnknownFact } from '../domain/facts.ts';
import type { Steps } from '../domain/policy.ts';
import type { CommitQuestions, Questions } from './compile.ts';
import { type Pace, readWork, textWork } from './pace.ts';
import { levels } from './reach.ts';
import { type Ask, type CommitAnswers, Subject } from './subject.ts';

/** One thing that a rule matched. */
export type Hit =
  | { readonly kind: 'ref' }
  | { readonly kind: 'commit'; readonly commit: CommitFacts }
  | { readonly kind: 'file'; readonly change: PathChange }
  | { readonly kind: 'finding'; readonly finding: Finding }
  | { readonly kind: 'unknown'; readonly unknown: UnknownFact };

/** How many things of one rule are told by name. */
const maxHits = 5;

/** One rule on its way through what an update brings. */
export interface Entry {
  readonly questions: Questions;
  readonly hits: Hit[];
  /** How many things matched, those that are not in `hits` included. */
  total: number;
  /** Why it could not be evaluated. */
  fault?: { readonly cause: unknown };
}

export function newEntry(questions: Questions): Entry {
  return { questions, hits: [], total: 0 };
}

/**
 * Asks every rule about everything that the update brings, with one pass over
 * each list, in steps. A list that nobody asks about is not walked. What a rule
 * throws is kept in its entry; what a list throws is thrown.
 */
export function* scan(
  entries: readonly Entry[],
  contents: RefContents | undefined,
  findings: readonly Finding[],
  questions: CommitQuestions,
  pace: Pace,
): Steps<void> {
  const subject = new Subject();
  ask(asking(entries, levels.ref), subject);
  const ofFindings = findings.length === 0 ? [] : asking(entries, levels.finding);
  const ofFiles = asking(entries, levels.file);
  const ofUnknowns = asking(entries, levels.unknown);
  const unknowns = ofUnknowns.length === 0 ? [] : (contents?.unknowns ?? []);
  const deeper = ofFindings.length + ofFiles.length + unknowns.length > 0;
  const ofCommits = asking(entries, levels.commit);
  const answers = yield* walkCommits(ofCommits, subject, contents, questions, deeper, pace);
  const wanted = new Map<string, PathChange | undefined>();
  if (ofFindings.length > 0)
    for (const one of findings) if (one.path !== undefined) wanted.set(keyOf(one), undefined);
  yield* walkFiles(ofFiles, subject, contents, answers, wanted, pace);
  for (const finding of ofFindings.length === 0 ? [] : findings) {
    if (pace.isDue(readWork + ofFindings.length)) yield;
    subject.finding = finding;
    subject.change = wanted.get(keyOf(finding));
    subject.answers = finding.commit === undefined ? undefined : answers.get(finding.commit);
    ask(ofFindings, subject);
  }
  subject.finding = undefined;
  subject.change = undefined;
  for (const unknown of unknowns) {
    if (pace.isDue(readWork + ofUnknowns.length)) yield;
    subject.unknown = unknown;
    subject.answers = unknown.commit === undefined ? undefined : answers.get(unknown.commit);
    ask(ofUnknowns, subject);
  }
}

interface Asking {
  readonly entry: Entry;
  readonly ask: Ask;
}

function asking(entries: readonly Entry[], level: number): readonly Asking[] {
  return entries.flatMap((entry) => {
    const ask = entry.questions[level] ?? false;
    return ask === false || entry.fault ? [] : [{ entry, ask }];
  });
}

function ask(list: readonly Asking[], subject: Subject): void {
  for (const { entry, ask } of list) {
    if (entry.fault) continue;
    try {
      if (ask !== true && (ask === false || !ask(subject))) continue;
    } catch (cause) {
      entry.fault = { cause };
      continue;
    }
    entry.total++;
    if (entry.hits.length < maxHits) entry.hits.push(hitOf(subject));
  }
}

function hitOf({ commit, change, finding, unknown }: Subject): Hit {
  if (finding) return { kind: 'finding', finding };
  if (unknown) return { kind: 'unknown', unknown };
  if (change) return { kind: 'file', change };
  return commit ? { kind: 'commit', commit } : { kind: 'ref' };
}

/** The answers for every commit, kept where something deeper asks for them. Most commits share one list of answers. */
function* walkCommits(
  list: readonly Asking[],
  subject: Subject,
  contents: RefContents | undefined,
  { asked }: CommitQuestions,
  deeper: boolean,
  pace: Pace,
): Steps<ReadonlyMap<string, CommitAnswers>> {
  const kept = new Map<string, CommitAnswers>();
  if (!contents || asked.length === 0 || (list.length === 0 && !deeper)) return kept;
  const shared = new Map<string, CommitAnswers>();
  for (const commit of contents.commits) {
    if (pace.isDue(readWork + list.length + asked.length * messageWork(commit))) yield;
    const found = asked.map((question) => question(commit));
    const key = found.map((answer) => (answer ? '1' : '0')).join('');
    let answers = shared.get(key);
    if (!answers) {
      answers = found;
      shared.set(key, answers);
    }
    if (deeper) kept.set(commit.oid, answers);
    subject.commit = commit;
    subject.answers = answers;
    ask(list, subject);
  }
  subject.commit = undefined;
  subject.answers = undefined;
  return kept;
}

/** Users' patterns are looked for in messages, by an engine that is slow and linear. */
function messageWork({ message }: CommitFacts): number {
  return 1 + message.length;
}

/** Asks about every file, and notes the changes that findings lie in. */
function* walkFiles(
  list: readonly Asking[],
  subject: Subject,
  contents: RefContents | undefined,
  answers: ReadonlyMap<string, CommitAnswers>,
  wanted: Map<string, PathChange | undefined>,
  pace: Pace,
): Steps<void> {
  if (!contents || (list.length === 0 && wanted.size === 0)) return;
  for (const change of contents.changes) {
    if (pace.isDue(readWork + list.length * textWork(change.path.length))) yield;
    subject.change = change;
    subject.answers = change.commit === undefined ? undefined : answers.get(change.commit);
    ask(list, subject);
    if (wanted.size > 0) {
      const key = keyOf(change);
      if (wanted.has(key)) wanted.set(key, change);
    }
  }
  subject.change = undefined;
  subject.answers = undefined;
}

function keyOf({ commit, path }: { readonly commit?: string; readonly path?: string }): string {
  return `${commit ?? ''}:${path ?? ''}`;
}
