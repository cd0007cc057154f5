import { RefgateError } from '../../domain/error.ts';
import type { Oid } from '../../domain/git.ts';
import { streamGit } from '../objects/git-child.ts';
import { splitOutput } from './split-output.ts';

/** One raw line of git-diff-tree(1). */
export interface Change {
  /** Absent where nothing was there. */
  readonly oldOid: Oid | undefined;
  readonly oldIsTree: boolean;
  readonly newOid: Oid | undefined;
  readonly kind: 'file' | 'tree' | 'submodule';
  /** latin1 of its bytes. */
  readonly path: string;
}

/** A commit with what it changes against its first parent: each folder stands before what is in it. */
export interface HistoryStep {
  readonly commit: Oid;
  readonly tree: Oid;
  readonly parents: readonly Oid[];
  readonly changes: readonly Change[];
}

const logArgs = [
  'log',
  '--stdin',
  '--raw',
  '-t',
  '-z',
  '--diff-merges=first-parent',
  '--root',
  '--topo-order',
  '--reverse',
  '--no-renames',
  '--no-abbrev',
  '--no-show-signature',
  '--ignore-submodules=none',
  '--format=%H %T %P',
];

/** Commits that the commits given reach, parents first, in one pass of git over the history. Throws INTERNAL (refgate). */
export async function* walkHistory(
  gitDir: string,
  commits: readonly Oid[],
  signal: AbortSignal,
): AsyncGenerator<HistoryStep> {
  if (commits.length === 0) return;
  const input = (async function* () {
    for (const oid of commits) yield `${oid}\n`;
  })();
  const reader = new StepReader();
  for await (const parts of splitOutput(streamGit(gitDir, logArgs, { input, signal }), '\0'))
    for (const part of parts) {
      const step = reader.take(part);
      if (step !== undefined) yield step;
    }
  const last = reader.end();
  if (last !== undefined) yield last;
}

const stepLine = /^([0-9a-f]{40,64}) ([0-9a-f]{40,64}) ((?:[0-9a-f]{40,64} ?)*)$/;
const changeLine = /^\n?:(\d{6}) (\d{6}) ([0-9a-f]{40,64}) ([0-9a-f]{40,64}) [AMDT]$/;

class StepReader {
  #step: { commit: Oid; tree: Oid; parents: Oid[]; changes: Change[] } | undefined;
  #change: RegExpExecArray | undefined;

  /** Gives the step before when the part begins another one. */
  take(part: string): HistoryStep | undefined {
    if (this.#change !== undefined) {
      this.#step?.changes.push(changeOf(this.#change, part));
      this.#change = undefined;
      return undefined;
    }
    if (part.startsWith(':') || part.startsWith('\n:')) {
      const match = changeLine.exec(part);
      if (match === null || this.#step === undefined) throw unexpected();
      this.#change = match;
      return undefined;
    }
    const match = stepLine.exec(part);
    if (match === null) throw unexpected();
    const done = this.#step;
    const [, commit, tree, parents] = match as unknown as [string, Oid, Oid, string];
    this.#step = { commit, tree, parents: parents.split(' ').filter((oid) => oid !== ''), changes: [] };
    return done;
  }

  end(): HistoryStep | undefined {
    if (this.#change !== undefined) throw unexpected();
    return this.#step;
  }
}

function changeOf(match: RegExpExecArray, path: string): Change {
  const [, oldMode, newMode, oldOid, newOid] = match as unknown as [string, string, string, Oid, Oid];
  return {
    oldOid: oldMode === '000000' ? undefined : oldOid,
    oldIsTree: oldMode === '040000',
    newOid: newMode === '000000' ? undefined : newOid,
    kind: newMode === '040000' ? 'tree' : newMode === '160000' ? 'submodule' : 'file',
    path,
  };
}

function unexpected(): RefgateError {
  return new RefgateError('INTERNAL', 'refgate', 'git log answered something unexpected');
}
