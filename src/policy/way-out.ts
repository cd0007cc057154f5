import type { Finding, PathChange, RefContents } from '../domain/facts.ts';
import type { Steps } from '../domain/policy.ts';
import type { RefFacts } from '../domain/session.ts';
import { isImagined } from './imagine.ts';
import { type Pace, readWork } from './pace.ts';

/** How commits of an update lie to each other, as far as the commands that change one of them depend on it. */
export interface Lineage {
  readonly ref: RefFacts;
  readonly roots: ReadonlySet<string>;
  readonly merges: ReadonlySet<string>;
}

/** Walks the commits once. */
export function* lineageOf(ref: RefFacts, contents: RefContents | undefined, pace: Pace): Steps<Lineage> {
  const roots = new Set<string>();
  const merges = new Set<string>();
  for (const { oid, parents } of contents?.commits ?? []) {
    if (pace.isDue(readWork)) yield;
    if (parents.length === 0) roots.add(oid);
    if (parents.length > 1) merges.add(oid);
  }
  return { ref, roots, merges };
}

const amend = 'git commit -a --amend --no-edit';
const revoke = 'if it is real, revoke it where it was issued';

/** How to get a file of a new commit out of the push. One line, or several with each command on one of its own. */
export function leaveFileOut(change: PathChange, lineage: Lineage): readonly string[] {
  const { commit, kind } = change;
  if (commit === undefined) return ['leave those commits out'];
  const what = kind === 'delete' ? 'bring it back' : 'take it out';
  return changeFiles(commit, lineage, `${what}, then`);
}

/** How to change the lines of a commit itself: its message, author or signature. */
export function changeCommit(oid: string, lineage: Lineage, what: string, flags = ''): readonly string[] {
  const command = `git commit --amend${flags}`;
  if (isTip(oid, lineage)) return [`${what}: ${command}`];
  return [...stopAt(oid, lineage), `${what}, with`, `  ${command} && git rebase --continue`];
}

/** How to get a secret out of the push, and what to do about it. */
export function takeSecretOut(finding: Finding, lineage: Lineage): readonly string[] {
  return [...removal(finding, lineage), revoke];
}

function removal({ place, commit, path }: Finding, lineage: Lineage): readonly string[] {
  switch (place) {
    case 'push-option':
      return ['push again without that option'];
    case 'ref':
      return ['choose another name'];
    case 'tag-message':
    case 'tagger':
      return remakeTag(lineage.ref);
    case 'file':
    case 'path':
      if (commit !== undefined)
        return changeFiles(
          commit,
          lineage,
          place === 'file' ? 'take it out, then' : 'rename the file (git mv), then',
        );
      return [
        path === undefined
          ? 'push from a fresh clone, without that object'
          : 'other refs of the repository have it; leave those commits out',
      ];
    case 'commit-message':
      return commit === undefined ? [] : changeCommit(commit, lineage, 'take it out of the message');
    case 'author':
    case 'committer':
      if (commit === undefined) return [];
      return changeCommit(commit, lineage, 'set user.name and user.email', ' --reset-author');
  }
}

/** The target stays what it is: `git tag -f` alone would take HEAD. */
function remakeTag({ ref }: RefFacts): readonly string[] {
  const name = ref.replace(/^refs\/tags\//, '');
  if (!/^[\w./-]+$/.test(name)) return ['make the tag again, with another message'];
  return ['make the tag again, with another message', `  git tag -f -a ${name} "${name}^{}"`];
}

function changeFiles(oid: string, lineage: Lineage, what: string): readonly string[] {
  if (isTip(oid, lineage)) return [what, `  ${amend}`];
  return [...stopAt(oid, lineage), what, `  ${amend} && git rebase --continue`];
}

/**
 * A rebase that stops at the commit. Where there are merges it keeps them; one
 * that is itself to be changed cannot be marked, but what follows it can wait.
 */
function stopAt(oid: string, { roots, merges }: Lineage): readonly string[] {
  const name = short(oid);
  const flags = merges.size > 0 ? '-i -r' : '-i';
  const from = roots.has(oid) ? '--root' : `${name}~`;
  const how = merges.has(oid)
    ? `to change merge ${name}, add the line "break" below it in`
    : `to change ${name}, mark it "edit" in`;
  return [how, `  git rebase ${flags} ${from}`];
}

function isTip(oid: string, { ref }: Lineage): boolean {
  return ref.newOid === oid || isImagined(oid);
}

export function short(oid: string): string {
  return oid.slice(0, 10);
}
