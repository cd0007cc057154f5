import type { Oid } from '../../domain/git.ts';
import { hashBytes } from '../../git/pack-stream.ts';
import { isLimit } from '../contents/limit.ts';
import { type KindedChange, withKinds } from '../contents/renames.ts';
import { TreeDiff, type TreeGap } from '../contents/tree-diff.ts';
import type { ReviewObjects } from './objects.ts';

export interface NetDiff {
  /** By path. */
  readonly changes: readonly KindedChange[];
  /** There are more, which were not looked at. */
  readonly isCut: boolean;
  readonly gaps: readonly TreeGap[];
}

export interface NetDiffLimits {
  readonly files: number;
  /** Bytes of trees that are read. */
  readonly bytes: number;
  /** Requests to the upstream, one for each level of folders. */
  readonly requests: number;
}

export const defaultNetDiffLimits: NetDiffLimits = {
  files: 20_000,
  bytes: 48 * 1024 * 1024,
  requests: 200,
};

/** What a tree takes beyond its bytes. */
const treeCost = 512;

/** Trees that are read before it is asked again whether there are too many. */
const batch = 500;

/**
 * The files in which a tree is unlike another, as `git diff-tree -r -M100%`
 * gives them, walked down level by level where oids differ. What is beyond the limits is left out.
 * Throws INTERNAL, and what the upstream throws.
 * @param oldTree undefined: everything is new.
 */
export async function netDiff(
  objects: ReviewObjects,
  newTree: Oid | undefined,
  oldTree: Oid | undefined,
  limits: NetDiffLimits = defaultNetDiffLimits,
): Promise<NetDiff> {
  const diff = new TreeDiff(newTree, [oldTree], hashBytes(objects.objectFormat));
  const walk = new LevelWalk(objects, limits);
  const isCut = !(await walk.run(diff));
  const sorted = isCut ? [...diff.changes].sort((a, b) => (a.path < b.path ? -1 : 1)) : diff.changes;
  const changes = withKinds(sorted);
  return {
    changes: changes.slice(0, limits.files),
    isCut: isCut || changes.length > limits.files,
    gaps: diff.gaps,
  };
}

/** Thrown within this file only. */
class TooMuch extends Error {}

class LevelWalk {
  readonly #objects: ReviewObjects;
  readonly #limits: NetDiffLimits;
  readonly #trees = new Map<Oid, Buffer | 'absent'>();
  #bytes = 0;
  #requests = 0;

  constructor(objects: ReviewObjects, limits: NetDiffLimits) {
    this.#objects = objects;
    this.#limits = limits;
  }

  /** False when it was cut short. */
  async run(diff: TreeDiff): Promise<boolean> {
    const reader = {
      read: (oid: Oid) => this.#trees.get(oid),
      onTree: () => {},
      spend: () => {
        if (diff.changes.length > this.#limits.files) throw new TooMuch();
      },
    };
    try {
      while (!diff.done) {
        diff.advance(reader);
        await this.#load([...diff.missing]);
      }
      return true;
    } catch (error) {
      if (error instanceof TooMuch || isLimit(error)) return false;
      throw error;
    }
  }

  async #load(oids: readonly Oid[]): Promise<void> {
    for (let from = 0; from < oids.length; from += batch) {
      const asked = await this.#objects.trees(oids.slice(from, from + batch), (oid, tree) => {
        this.#trees.set(oid, tree);
        this.#bytes += treeCost + (tree === 'absent' ? 0 : tree.length);
        if (this.#bytes > this.#limits.bytes) throw new TooMuch();
      });
      if (asked > 0) this.#requests++;
      if (this.#requests > this.#limits.requests) throw new TooMuch();
    }
  }
}
