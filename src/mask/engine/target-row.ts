import type { ObjectFormat } from '../../domain/git.ts';
import type { MaskPreview, MaskState } from '../../domain/mask.ts';
import type { Target } from '../../domain/ports.ts';
import type { Store, StoreWrite } from '../../domain/store.ts';

/** The view that is served. */
export interface ServedView {
  readonly epoch: number;
  /** Of everything that decides what is masked: a view with another one is made anew. */
  readonly digest: string;
  /** Fingerprints that it shows in clear. */
  readonly allowed: readonly string[];
  readonly commits: number;
  readonly changedCommits: number;
  readonly values: number;
  /** Absent where an older version has written it. */
  readonly unscanned?: number;
  readonly hiddenRefs: number;
  /** RFC 3339. */
  readonly syncedAt: string;
}

/** What is kept of one upstream repository, under `mask/target/`. */
export interface TargetRow {
  readonly v: 1;
  readonly target: Target;
  /** The name by which it was last asked for. */
  readonly repo: string;
  readonly format: ObjectFormat;
  readonly state: MaskState;
  /** By an administrator, by the configuration, or since nothing was found. */
  readonly enabled: boolean;
  /** By an administrator: nothing but an administrator enables it again. */
  readonly disabled?: true;
  /** The greatest that was ever begun: no number is used for two views. */
  readonly lastEpoch: number;
  readonly served?: ServedView;
  /** The view that is being made, and goes on being made after a crash. */
  readonly making?: { readonly epoch: number; readonly digest: string };
  readonly problem?: string;
}

const rows = 'mask/target/';
const previews = 'mask/preview/';

export const putTarget = (id: string, row: TargetRow): StoreWrite => put(rows + id, row);

export const putPreview = (id: string, preview: MaskPreview): StoreWrite => put(previews + id, preview);

function put(key: string, value: object): StoreWrite {
  return { type: 'put', key, value: Buffer.from(JSON.stringify(value)) };
}

export async function readPreview(store: Store, id: string): Promise<MaskPreview | undefined> {
  const value = await store.get(previews + id);
  return value && (JSON.parse(Buffer.from(value).toString()) as MaskPreview);
}

export async function readTargets(store: Store): Promise<readonly TargetRow[]> {
  const found: TargetRow[] = [];
  for await (const [, value] of store.range({ from: rows, to: `${rows}~` }))
    found.push(JSON.parse(Buffer.from(value).toString()) as TargetRow);
  return found;
}
