import type { PathChange } from '../domain/facts.ts';
import type { Condition, FileCondition } from './document.ts';
import type { PathList } from './paths.ts';
import type { Width } from './pattern.ts';
import { type Ask, allOf, type Subject } from './subject.ts';

/**
 * Whether a file is under one of the paths. A rename is under both its names:
 * one is enough where the rule refuses, and both must be where it grants. Where the rule
 * refuses, a symlink or a submodule is also what would be under it, and a file whose path
 * nobody told is under every path.
 */
export function matchPath(paths: PathList, width: Width): Ask {
  const one = (subject: Subject, path: string) =>
    width === 'wide' ? paths.matches(path, 'wide', subject.folded(path)) : paths.matches(path, 'exact');
  return (subject) => {
    const { change, finding, unknown } = subject;
    const path = finding ? finding.path : (unknown?.path ?? change?.path);
    if (path === undefined) return width === 'wide' && (unknown !== undefined || finding?.place === 'file');
    const isLink = change?.mode === 'symlink' || change?.mode === 'submodule';
    const stands = isLink && width === 'wide' && paths.leadsTo(path, subject.folded(path));
    const matched = stands || one(subject, path);
    const from = change?.from;
    if (from === undefined || matched === (width === 'wide')) return matched;
    return one(subject, from);
  };
}

type FileAsk = (change: PathChange, subject: Subject) => boolean;

/** What is asked of the change itself: its kind, where it comes from, and the file. */
export function matchFile(condition: Condition, kinds: readonly string[] | undefined, width: Width): Ask {
  const { file, brings } = condition;
  const asks: FileAsk[] = [];
  if (brings) asks.push((change) => change.source === brings);
  if (kinds) asks.push((change) => kinds.includes(change.kind));
  if (file) asks.push(...fileAsks(file, width));
  return allOf(asks.map((ask) => ofChange(ask, width)));
}

/**
 * A finding in a message is in no file. A finding in a file that no change
 * names, and something unknown, are of a file that is not known.
 */
function ofChange(ask: FileAsk, width: Width): Ask {
  return (subject) => {
    const { change, finding } = subject;
    if (change) return ask(change, subject);
    if (finding && finding.place !== 'file' && finding.place !== 'path') return false;
    return width === 'wide';
  };
}

function fileAsks(file: FileCondition, width: Width): readonly FileAsk[] {
  const { extension, type, size, mode, lfs, pathLength } = file;
  const asks: FileAsk[] = [];
  if (mode) asks.push((change) => mode.some((one) => one === change.mode));
  if (extension) asks.push(askExtension(extension, width));
  if (pathLength) asks.push(({ path }) => pathLength.holds(lengthOf(path)));
  if (size) asks.push((change) => ofContent(change, width, () => size.holds(change.size ?? 0)));
  if (type) asks.push((change) => ofContent(change, width, () => type.includes(change.type ?? '')));
  if (lfs !== undefined) asks.push((change) => ofContent(change, width, () => (change.lfs === true) === lfs));
  return asks;
}

/** In characters, of which some are two code units. */
function lengthOf(path: string): number {
  return /[\ud800-\udbff]/.test(path) ? [...path].length : path.length;
}

/**
 * A file that is gone, a submodule, and a file that only moved or changed its
 * mode bring no content. What another branch of the upstream has is read where
 * a rule tells branches apart, and what could not be read is an unknown fact of its own; where no
 * rule does, it was judged when it came there. Otherwise content that nobody read is unknown.
 */
function ofContent(change: PathChange, width: Width, ask: () => boolean): boolean {
  if (change.size !== undefined) return ask();
  if (change.kind === 'delete' || change.mode === 'submodule') return false;
  if (change.source === 'existing' || change.kind === 'rename' || change.kind === 'mode') return false;
  return width === 'wide';
}

/** Looking wide, the dots and spaces at the end are left out too: Windows does not see them. */
function askExtension(extensions: readonly string[], width: Width): FileAsk {
  const ends = extensions.map((extension) => `.${extension}`);
  return ({ path }, subject) => {
    let seen = width === 'wide' ? subject.folded(path) : path;
    if (width === 'wide' && /[. ]$/.test(seen)) seen = seen.replace(/[. ]+$/, '');
    for (const end of ends) if (seen.endsWith(end)) return true;
    return false;
  };
}
