import type { CommitFacts, FindingPlace, PathChange, RefContents } from '../domain/facts.ts';
import type { Oid } from '../domain/git.ts';
import type { PlaceholderUse } from '../domain/mask.ts';
import type { Reason, RefVerdict } from '../domain/policy.ts';
import type { PushFacts } from '../domain/session.ts';

/** Makes secrets in a text recognisable only. */
export type MaskText = (text: string) => string;

/** The facts as they may be kept: without the secrets that were found in messages, names, paths and push options. */
export function maskFacts(facts: PushFacts, mask: MaskText): PushFacts {
  const { contents, pushOptions, placeholders } = facts;
  return {
    ...facts,
    pushOptions: pushOptions.map(mask),
    ...(placeholders === undefined ? {} : { placeholders: placeholders.map((use) => maskUse(use, mask)) }),
    ...(contents === undefined ? {} : { contents: contents.map((one) => maskContents(one, mask)) }),
  };
}

/** The path of a moved placeholder is one of the original, and may hold a secret itself. */
function maskUse(use: PlaceholderUse, mask: MaskText): PlaceholderUse {
  return { ...use, path: mask(use.path) };
}

/** Reasons may name a path: masked where a secret was found in anything but a file, or a placeholder was moved. */
export function maskVerdicts(
  refs: readonly RefVerdict[],
  facts: PushFacts,
  mask: MaskText,
): readonly RefVerdict[] {
  const isPlain = (facts.contents ?? []).every(({ findings }) =>
    findings.every(({ place }) => place === 'file'),
  );
  const { findings = [], placeholders = [] } = facts;
  if (isPlain && findings.length === 0 && placeholders.length === 0) return refs;
  const masked = <T extends Reason>(reasons: readonly T[]): readonly T[] =>
    reasons.map((reason) => ({ ...reason, text: mask(reason.text) }));
  return refs.map((verdict) => ({
    ...verdict,
    reasons: masked(verdict.reasons),
    ...(verdict.warnings === undefined ? {} : { warnings: masked(verdict.warnings) }),
    ...(verdict.wouldSay === undefined ? {} : { wouldSay: masked(verdict.wouldSay) }),
  }));
}

const inCommits: readonly FindingPlace[] = ['commit-message', 'author', 'committer'];

function maskContents(contents: RefContents, mask: MaskText): RefContents {
  const commitsOf = (places: readonly FindingPlace[]): ReadonlySet<Oid | undefined> =>
    new Set(contents.findings.filter(({ place }) => places.includes(place)).map(({ commit }) => commit));
  const told = commitsOf(inCommits);
  const named = commitsOf(['path']);
  if (told.size === 0 && named.size === 0) return contents;
  return {
    ...contents,
    commits: mapped(contents.commits, (commit) => (told.has(commit.oid) ? maskCommit(commit, mask) : commit)),
    changes: mapped(contents.changes, (change) =>
      named.has(change.commit) ? maskPaths(change, mask) : change,
    ),
  };
}

function maskCommit(commit: CommitFacts, mask: MaskText): CommitFacts {
  const { author, committer, message } = commit;
  const person = (one: typeof author): typeof author => ({
    ...one,
    name: mask(one.name),
    email: mask(one.email),
  });
  return { ...commit, author: person(author), committer: person(committer), message: mask(message) };
}

function maskPaths(change: PathChange, mask: MaskText): PathChange {
  const { path, from } = change;
  return { ...change, path: mask(path), ...(from === undefined ? {} : { from: mask(from) }) };
}

/** Can be walked again and again, as the list itself. */
function mapped<T>(list: Iterable<T>, map: (item: T) => T): Iterable<T> {
  return {
    *[Symbol.iterator]() {
      for (const item of list) yield map(item);
    },
  };
}
