import type { PathChange } from '../domain/facts.ts';
import type { Condition, FileCondition } from './document.ts';
import type { PathList } from './paths.ts';
import type { Width } from './pattern.ts';
import { type Ask, allOf, type Subject } from './subject.ts';

/**
 * Whether a file is under one of the paths. A rename is under both its names:
 * one is enough where the rule refuses, and both must be where it grants.
 */
export function matchPath(paths: PathList, width: Width): Ask {
  const one = (subject: Subject, path: string) =>
    width === 'wide' ? paths.matches(path, 'wide', subject.folded(path)) : paths.matches(path, 'exact');
  return (subject) => {
    const { change, finding, unknown } = subject;
    const path = finding ? finding.path : (unknown?.path ?? change?.path);
    if (path === undefined) return unknown !== undefined && width === 'wide';
    const matched = one(subject, path);
    const from = change?.from;
    if (from === undefined || matched === (width === 'wide')) return matched;
    return one(subject, from);
  };
}

/** What is asked of the change itself: its kind, where it comes from, and the file. */
export function matchFile(condition: Condition, kinds: readonly string[] | undefined, width: Width): Ask {
  const { file, brings } = condition;
  const asks: ((change: PathChange) => boolean)[] = [];
  if (brings) asks.push((change) => change.source === brings);
  if (kinds) asks.push((change) => kinds.includes(change.kind));
  if (file) asks.push(...fileAsks(file, width));
  return allOf(asks.map((ask) => ofChange(ask, width)));
}

/**
 * A finding in a message is in no file. A finding in a file that no change
 * names, and something unknown, are of a file that is not known.
 */
function ofChange(ask: (change: PathChange) => boolean, width: Width): Ask {
  return ({ change, finding }) => {
    if (change) return ask(change);
    if (finding && finding.place !== 'file' && finding.place !== 'path') return false;
    return width === 'wide';
  };
}

function fileAsks(file: FileCondition, width: Width): readonly ((change: PathChange) => boolean)[] {
  const { extension, type, size, mode, lfs, pathLength } = file;
  const asks: ((change: PathChange) => boolean)[] = [];
  if (mode) asks.push((change) => mode.some((one) => one === change.mode));
  if (extension) asks.push((change) => hasExtension(change, extension, width));
  if (pathLength) asks.push(({ path }) => pathLength.holds([...path].length));
  if (size) asks.push((change) => ofContent(change, width, () => size.holds(change.size ?? 0)));
  if (type) asks.push((change) => ofContent(change, width, () => type.includes(change.type ?? '')));
  if (lfs !== undefined) asks.push((change) => ofContent(change, width, () => (change.lfs === true) === lfs));
  return asks;
}

/**
 * A file that is gone, a submodule, and a file that only moved or changed its
 * mode bring no content. Otherwise content that nobody read is unknown.
 */
function ofContent(change: PathChange, width: Width, ask: () => boolean): boolean {
  if (change.size !== undefined) return ask();
  if (change.kind === 'delete' || change.mode === 'submodule') return false;
  if (change.source === 'new' && (change.kind === 'rename' || change.kind === 'mode')) return false;
  return width === 'wide';
}

/** Looking wide, the dots and spaces at the end are left out too: Windows does not see them. */
function hasExtension({ path }: PathChange, extensions: readonly string[], width: Width): boolean {
  const name = path.slice(path.lastIndexOf('/') + 1);
  const seen =
    width === 'wide'
      ? name
          .normalize('NFKC')
          .toLowerCase()
          .replace(/[. ]+$/, '')
      : name;
  return extensions.some((extension) => seen.endsWith(`.${extension}`));
}
