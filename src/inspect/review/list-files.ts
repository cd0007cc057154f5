import type { ReviewFile } from '../../domain/approval.ts';
import type { Finding, PathChange } from '../../domain/facts.ts';
import type { KindedChange } from '../contents/renames.ts';
import type { BlobFacts, KeptView } from './kept-view.ts';
import { isSensitive } from './sensitive.ts';

/** Masks the secrets in many texts, in their order. */
export type MaskTexts = (texts: readonly string[]) => Promise<readonly string[]>;

/** A change as a review lists it, before its paths are masked. */
export type ListedChange = Omit<ReviewFile, 'sensitive' | 'findings'>;

/** Of a change between two trees. */
export function listedChange(change: KindedChange, blobs: KeptView['blobs']): ListedChange {
  const { kind, path, from, entry, old } = change;
  const known: BlobFacts = (entry && blobs.get(entry.oid)) ?? {};
  return {
    kind,
    path,
    ...(from === undefined ? {} : { from }),
    ...(entry === undefined ? {} : { mode: entry.mode, oid: entry.oid }),
    ...(old === undefined ? {} : { oldMode: old.mode, oldOid: old.oid }),
    ...known,
  };
}

/** Of a change that the facts have kept. */
export function keptChange({ source: _source, commit: _commit, ...change }: PathChange): ListedChange {
  return change;
}

/** The files as they are shown: no secret in a path, and no two files of one name. */
export async function showFiles(
  changes: readonly ListedChange[],
  findings: readonly Finding[],
  mask: MaskTexts,
): Promise<readonly ReviewFile[]> {
  const shownAs = await maskAll(
    changes.flatMap(({ path, from }) => (from === undefined ? [path] : [path, from])),
    mask,
  );
  const counts = new Map<string, number>();
  for (const { path, place, state } of findings)
    if (path !== undefined && place === 'file' && state === 'new')
      counts.set(path, (counts.get(path) ?? 0) + 1);
  const unlike = new UnlikeNames();
  return changes.map((change) => {
    const { path, from } = change;
    const shown = unlike.take(shownAs.get(path) ?? path);
    return {
      ...change,
      path: shown,
      ...(from === undefined ? {} : { from: shownAs.get(from) ?? from }),
      sensitive: isSensitive(path) || (from !== undefined && isSensitive(from)),
      findings: counts.get(path) ?? counts.get(shown) ?? 0,
    };
  });
}

/** The texts with what is shown for each. */
export async function maskAll(
  texts: readonly string[],
  mask: MaskTexts,
): Promise<ReadonlyMap<string, string>> {
  const known = [...new Set(texts)];
  const masked = await mask(known);
  return new Map(known.map((text, i) => [text, masked[i] ?? '']));
}

/** Paths that are masked alike, or are not UTF-8, are told apart by a number. A push may bring thousands of one name. */
class UnlikeNames {
  readonly #taken = new Set<string>();
  /** The last number that each name was given. */
  readonly #last = new Map<string, number>();

  take(path: string): string {
    let name = path;
    let number = this.#last.get(path) ?? 1;
    while (this.#taken.has(name)) name = `${path} (${++number})`;
    this.#last.set(path, number);
    this.#taken.add(name);
    return name;
  }
}
