import type { ChangeKind, FileMode } from '../../domain/facts.ts';
import type { Oid } from '../../domain/git.ts';
import type { Entry, EntryChange } from './tree-diff.ts';

/** A change of a path with its kind. */
export interface KindedChange extends EntryChange {
  readonly kind: ChangeKind;
  /** The first of the old entries that is there. */
  readonly old?: Entry;
  /** Of a rename. */
  readonly from?: string;
  /** Of a rename: what each old tree has where the content was. */
  readonly fromOlds?: readonly (Entry | undefined)[];
}

/** Much content has no bytes, and none of it was moved. */
const emptyBlobs: ReadonlySet<Oid> = new Set([
  'e69de29bb2d1d6434b8b29ae775ad8c2e48c5391',
  '473a0f4c3be8a93681a267e3b1e9a7dcda1185436fe141f7749120a303721813',
]);

/**
 * Gives each change its kind, and makes one rename of a delete and an add of
 * the same oid; where several could be paired, they are in the order of their paths.
 */
export function withKinds(changes: readonly EntryChange[]): readonly KindedChange[] {
  const gone = new Map<string, KindedChange[]>();
  const kinded = changes.map(withKind);
  for (const change of kinded) {
    const key = change.kind === 'delete' ? moveKey(change.old) : undefined;
    if (key === undefined) continue;
    const same = gone.get(key);
    if (same === undefined) gone.set(key, [change]);
    else same.push(change);
  }
  if (gone.size === 0) return kinded;
  const taken = new Set<KindedChange>();
  const renamed = kinded.map((change): KindedChange => {
    const key = change.kind === 'add' ? moveKey(change.entry) : undefined;
    const source = key === undefined ? undefined : gone.get(key)?.shift();
    if (source?.old === undefined) return change;
    taken.add(source);
    return { ...change, kind: 'rename', old: source.old, from: source.path, fromOlds: source.olds };
  });
  return renamed.filter((change) => !taken.has(change));
}

function withKind(change: EntryChange): KindedChange {
  const { entry, olds } = change;
  const old = olds.find((one) => one !== undefined);
  if (old === undefined) return { ...change, kind: 'add' };
  if (entry === undefined) return { ...change, kind: 'delete', old };
  const isMode = entry.oid === old.oid && isFile(entry.mode) && isFile(old.mode);
  return { ...change, kind: isMode ? 'mode' : 'modify', old };
}

const isFile = (mode: FileMode): boolean => mode === 'file' || mode === 'executable';

function moveKey(entry: Entry | undefined): string | undefined {
  if (entry === undefined || emptyBlobs.has(entry.oid)) return undefined;
  return `${isFile(entry.mode) ? 'file' : entry.mode} ${entry.oid}`;
}
