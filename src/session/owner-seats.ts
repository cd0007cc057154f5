import { setImmediate } from 'node:timers/promises';
import { RefgateError } from '../domain/error.ts';
import type { PathChange, RefContents } from '../domain/facts.ts';
import type { UserRecord } from '../domain/identity.ts';
import type { RefFacts } from '../domain/session.ts';
import { type Codeowners, maxCodeownersBytes, parseCodeowners } from '../policy/codeowners.ts';
import { printable } from '../policy/tell.ts';
import type { CodeownersFile } from './read-codeowners.ts';

/** Some owners that stand together on lines of CODEOWNERS, and where they do. */
export interface OwnerSet {
  /** As the file names them, in order of the alphabet. */
  readonly owners: readonly string[];
  /** The patterns that led to them, in the order in which files met them. */
  readonly patterns: ReadonlySet<string>;
}

/** Who owns what an update changes. */
export interface OwnedChanges {
  readonly sets: readonly OwnerSet[];
  /** The first changed path that nobody owns. */
  readonly unowned?: string;
  /** Lines of CODEOWNERS that count for nothing, for people. */
  readonly notes: readonly string[];
}

/** Why the owners cannot be told: what is wrong, then what to do. */
export interface OwnersProblem {
  readonly problem: string;
}

/** Sets of owners of one update: each is asked, and more than these many people will never agree. */
const maxSets = 100;

/** Commits, and changes, that are looked at between two turns of the event loop. */
const turn = 2_000;
const changesTurn = 100;

/** Paths that are remembered as seen. */
const maxSeen = 2_000;

/**
 * The owners of every path that an update changes, both names of what is renamed. What is
 * not known for certain is a problem, and never an owner less.
 */
export async function ownersOfChanges(
  ref: RefFacts,
  contents: RefContents | undefined,
  file: CodeownersFile | undefined,
): Promise<OwnedChanges | OwnersProblem> {
  const gap = await gapOf(ref, contents);
  if (gap !== undefined || contents === undefined) return { problem: gap ?? '' };
  if (file === undefined)
    return { problem: 'the target branch has no CODEOWNERS file; ask an administrator to add one there' };
  if ('problem' in file)
    return { problem: `${file.path} of the target branch ${file.problem}; ask an administrator to mend it` };
  if (Buffer.byteLength(file.text) > maxCodeownersBytes)
    return { problem: `${file.path} of the target branch is too large; ask an administrator to shorten it` };
  try {
    const codeowners = parseCodeowners(file.text);
    const owned = await collect(contents, codeowners);
    return 'problem' in owned ? owned : { ...owned, notes: notesOf(file.path, codeowners) };
  } catch (error) {
    if (error instanceof RefgateError && error.code === 'LIMIT_EXCEEDED' && error.detail !== undefined)
      return { problem: error.detail };
    throw error;
  }
}

/** Why the list of changed files may lack some. */
async function gapOf(ref: RefFacts, contents: RefContents | undefined): Promise<string | undefined> {
  if (ref.kind === 'delete')
    return 'a deletion changes no file that CODEOWNERS could name the owners of; ask an administrator of the policy';
  const unknown = contents?.unknowns.find(({ what }) => what === 'history');
  if (contents === undefined || unknown !== undefined) {
    const why = unknown === undefined ? '' : ` (${printable(unknown.text)})`;
    return `not every changed file is known${why}, so their owners are not; push less at a time, or ask an administrator`;
  }
  let commits = 0;
  // What is merged with a history of its own, or replaced by it, may take away files that no list names.
  for (const { oid, parents } of contents.commits) {
    if (++commits % turn === 0) await setImmediate();
    if (parents.length === 0)
      return `commit ${oid.slice(0, 10)} begins a history of its own, so not every changed file is known; ask an administrator`;
  }
  return undefined;
}

type Owned = Omit<OwnedChanges, 'notes'>;

async function collect(contents: RefContents, codeowners: Codeowners): Promise<Owned | OwnersProblem> {
  const found = new FoundOwners(codeowners);
  let changes = 0;
  for (const change of contents.changes) {
    if (++changes % changesTurn === 0) await setImmediate();
    found.add(change);
    if (found.sets.size > maxSets)
      return {
        problem: `the changed files have more than ${maxSets} different sets of owners; push fewer files at a time`,
      };
  }
  if (changes !== contents.counts.changes)
    return { problem: 'not every changed file is known, so their owners are not; push less at a time' };
  const { sets, unowned } = found;
  return { sets: [...sets.values()], ...(unowned === undefined ? {} : { unowned }) };
}

/** The owners of the changes that it was shown. */
class FoundOwners {
  readonly sets = new Map<string, { owners: readonly string[]; patterns: Set<string> }>();
  unowned: string | undefined;
  readonly #codeowners: Codeowners;
  /** Many commits change the same files. */
  readonly #seen = new Set<string>();

  constructor(codeowners: Codeowners) {
    this.#codeowners = codeowners;
  }

  add({ path, from, mode }: PathChange): void {
    for (const one of from === undefined ? [path] : [path, from])
      if (this.#isNew(one) && !this.#own(one)) this.unowned ??= one;
    // A link counts as the folder that it stands for, too.
    const inside = `${path}/-`;
    if ((mode === 'symlink' || mode === 'submodule') && this.#isNew(inside)) this.#own(inside);
  }

  #isNew(path: string): boolean {
    if (this.#seen.has(path)) return false;
    if (this.#seen.size >= maxSeen) this.#seen.clear();
    this.#seen.add(path);
    return true;
  }

  /** Whether the path has owners. */
  #own(path: string): boolean {
    const rule = this.#codeowners.ownersOf(path);
    if (rule === undefined || rule.owners.length === 0) return false;
    const owners = [...rule.owners].sort();
    const key = owners.join(' ');
    const set = this.sets.get(key) ?? { owners, patterns: new Set() };
    set.patterns.add(rule.pattern);
    this.sets.set(key, set);
    return true;
  }
}

function notesOf(path: string, { problems }: Codeowners): readonly string[] {
  const [first] = problems;
  if (first === undefined) return [];
  const more = problems.length > 1 ? ` (and ${problems.length - 1} more lines)` : '';
  return [
    `line ${first.line} of ${path} counts for nothing: it ${first.text}${more}; ask an administrator to mend it`,
  ];
}

/** The groups and users that owners of CODEOWNERS are here: a team by its own name and with its organization, an address by who has it. */
export function whoOwns(
  owners: readonly string[],
  users: readonly UserRecord[],
): { readonly groups: readonly string[]; readonly users: readonly string[] } {
  const groups = new Set<string>();
  const named = new Set<string>();
  for (const owner of owners) {
    const name = owner.replace(/^@/, '').toLowerCase();
    if (!owner.startsWith('@')) {
      for (const user of users) if (user.emails?.includes(name)) named.add(user.name);
    } else if (name.includes('/')) {
      groups.add(name.slice(name.indexOf('/') + 1));
      groups.add(name);
    } else named.add(name);
  }
  return { groups: [...groups], users: [...named] };
}
