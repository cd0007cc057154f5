import { RefgateError } from '../../domain/error.ts';
import type { ObjectType, Oid } from '../../domain/git.ts';
import type { MaskValue } from '../../domain/mask.ts';
import { readObjects } from '../objects/cat-file.ts';
import type { GitObject } from '../objects/git-objects.ts';
import type { BuildContext, ScanReport, Tips } from './contract.ts';
import { FoundValues, unscannedValue } from './found-values.ts';
import { type HistoryStep, walkHistory } from './history.ts';
import { namedOids, tagLinks } from './links.ts';
import { NameVerdicts } from './name-verdicts.ts';
import { NamingChanges } from './naming-changes.ts';
import { Progress } from './progress.ts';
import { findReachable, type Reachable } from './reachable.ts';
import { type ValueSet, ValueSets } from './value-sets.ts';
import { shownTips } from './view-repository.ts';

type ScanContext = Omit<BuildContext, 'epoch'>;

const mostValues = 1_000;
const mostUnscanned = 100;

/**
 * What a view of these tips would change. Values that the view function is told to allow are listed too, and count for
 * nothing in the total. Changes nothing on disk. Throws INTERNAL (refgate), and the signal's reason.
 */
export async function scanOriginals(context: ScanContext, tips: Tips): Promise<ScanReport> {
  const { folder, format, signal } = context;
  const shown = shownTips(context, tips);
  const oids = [...new Set(shown.tips.refs.map(({ oid }) => oid))];
  const reachable = await findReachable(folder.originals, format, oids, signal);
  const scan = new OriginalsScan(context, reachable);
  scan.takeRefs(tips);
  await scan.contents();
  await scan.history(oids);
  return { ...scan.report(), refs: tips.refs.length, hiddenRefs: shown.hiddenRefs };
}

class OriginalsScan {
  readonly #context: ScanContext;
  readonly #reachable: Reachable;
  readonly #values = new FoundValues();
  readonly #sets = new ValueSets();
  /** Of blobs and commits that hold any. */
  readonly #held = new Map<Oid, readonly number[]>();
  readonly #tagTargets: Oid[] = [];
  /** Why blobs could not be searched; a path is found with the history. */
  readonly #unscanned = new Map<Oid, { why: string; path?: string }>();
  /** Of each commit; absent where it holds none. */
  readonly #setOf: (ValueSet | undefined)[] = [];
  readonly #names: NameVerdicts<readonly number[]>;
  readonly #naming: NamingChanges;
  #commits = 0;

  constructor(context: ScanContext, reachable: Reachable) {
    this.#context = context;
    this.#reachable = reachable;
    this.#names = new NameVerdicts((name) => this.#values.take(context.view.find(name, { allowed: true })));
    const isAnyMasked = (numbers: readonly number[]) =>
      numbers.some((number) => this.#values.isMasked(number));
    this.#naming = new NamingChanges(reachable, {
      isDirty: (oid) => isAnyMasked(this.#held.get(oid) ?? []),
      isDirtyName: (name) => isAnyMasked(this.#names.of(name)),
    });
  }

  takeRefs({ refs }: Tips): void {
    for (const { ref } of refs)
      this.#values.take(this.#context.view.find(Buffer.from(ref), { allowed: true }));
  }

  async contents(): Promise<void> {
    const { table, ofType } = this.#reachable;
    const { folder, signal, view, onProgress } = this.#context;
    const types = ['blob', 'commit', 'tag'] as const;
    const oids = types.flatMap((type) => ofType(type).map((number) => table.at(number)));
    const progress = new Progress(onProgress, { step: 'scan', unit: 'objects', total: oids.length });
    let count = 0;
    if (oids.length === 0) return;
    for await (const object of readObjects(folder.originals, oids, { signal })) {
      if ('missing' in object)
        throw new RefgateError('INTERNAL', 'refgate', `the originals do not hold ${object.oid}`);
      if ('tooLarge' in object)
        this.#found(object.oid, object.type, { secrets: [], unscanned: ['too large'] });
      else {
        this.#takeNames(object);
        this.#found(object.oid, object.type, view.find(object.content, { type: object.type, allowed: true }));
      }
      progress.add(1);
      if (++count % 256 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
  }

  #takeNames({ oid, type, content }: GitObject): void {
    if (type !== 'commit' && type !== 'tag') return;
    const target = type === 'tag' ? tagLinks(oid, content).oid : undefined;
    if (target !== undefined) this.#tagTargets.push(target);
    this.#naming.takeText(oid, namedOids(type, content, this.#context.format), target);
  }

  #found(oid: Oid, type: ObjectType, found: Parameters<FoundValues['take']>[0]): void {
    const numbers = this.#values.take(found);
    if (numbers.length > 0) this.#held.set(oid, numbers);
    const [why] = found.unscanned;
    if (why !== undefined) this.#unscanned.set(oid, { why: `${type} ${oid}: ${why}` });
  }

  async history(tips: readonly Oid[]): Promise<void> {
    const { table, typeOf } = this.#reachable;
    const { folder, signal, onProgress } = this.#context;
    const starts = [...new Set([...tips, ...this.#tagTargets])];
    const commits = starts.filter((oid) => typeOf(table.find(oid)) === 'commit');
    const sets = this.#setOf;
    const progress = new Progress(onProgress, { step: 'compare', unit: 'commits' });
    for await (const step of walkHistory(folder.originals, commits, signal)) {
      const own = this.#ownValues(step);
      const before = step.parents.flatMap((oid) => sets[table.find(oid)] ?? []);
      const set = this.#sets.union(own.length === 0 ? before : [...before, this.#sets.of(own)]);
      if (set.length > 0) {
        sets[table.find(step.commit)] = set;
        this.#sets.use(set);
      }
      this.#naming.takeStep(step);
      this.#commits++;
      progress.add(1);
    }
  }

  /** What the commit brings in that its first parent has not at the same place. */
  #ownValues(step: HistoryStep): readonly number[] {
    const own = new Set<number>();
    const bring = (numbers: readonly number[], path?: string): void => {
      for (const number of numbers) {
        own.add(number);
        const value = this.#values.at(number);
        if (value === undefined || value.commit !== undefined) continue;
        value.commit = step.commit;
        if (path !== undefined) value.path = this.#shownPath(path);
      }
    };
    bring(this.#held.get(step.commit) ?? []);
    for (const { newOid, kind, path } of step.changes) {
      if (newOid === undefined) continue;
      bring(this.#names.of(path.slice(path.lastIndexOf('/') + 1)), path);
      if (kind !== 'file') continue;
      const held = this.#held.get(newOid);
      if (held === undefined) continue;
      bring(held, path);
      if (held.includes(unscannedValue)) this.#unscannedAt(newOid, path);
    }
    return [...own];
  }

  #unscannedAt(oid: Oid, path: string): void {
    const entry = this.#unscanned.get(oid);
    if (entry !== undefined) entry.path ??= this.#shownPath(path);
  }

  /** For people, who need no secret to decide: names that hold one are left out. */
  #shownPath(path: string): string {
    const names = path.split('/').map((name) => (this.#names.of(name).length > 0 ? '***' : name));
    return Buffer.from(names.join('/'), 'latin1').toString();
  }

  #changedCommits(): number {
    const { size } = this.#values;
    const isMasked = (number: number): boolean => this.#values.isMasked(number);
    if (!this.#naming.isAny) return this.#sets.countAny(isMasked, size);
    const hasAny = this.#sets.any(isMasked, size);
    return this.#naming.count((commit) => {
      const set = this.#setOf[commit];
      return set !== undefined && hasAny(set);
    });
  }

  report(): Omit<ScanReport, 'refs' | 'hiddenRefs'> {
    const { list, size } = this.#values;
    const counts = this.#sets.counts(size);
    const values = list.map(({ isAllowed: _, ...value }, index): MaskValue => {
      return { ...value, commits: counts[this.#values.numberOf(index)] as number };
    });
    values.sort((a, b) => b.commits - a.commits);
    const unscanned = [...this.#unscanned.values()].slice(0, mostUnscanned);
    return {
      commits: this.#commits,
      changedCommits: this.#changedCommits(),
      values: values.slice(0, mostValues),
      valueCount: values.length,
      unscanned: unscanned.map(({ why, path }) => (path === undefined ? why : why.replace(/^[^:]*/, path))),
      unscannedCount: this.#unscanned.size,
    };
  }
}
