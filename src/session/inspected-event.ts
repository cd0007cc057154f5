import type { Finding, UnknownFact } from '../domain/facts.ts';
import type { HeldPack } from '../domain/ports.ts';
import type { EventPayloads } from '../domain/record.ts';
import type { PushFacts } from '../domain/session.ts';
import type { StoreWrite } from '../domain/store.ts';
import { keepFacts } from './kept-facts.ts';
import { type MaskText, maskFacts } from './mask-facts.ts';

/** Findings, and unknowns, that the event itself shows. */
const maxShown = 100;

/**
 * What `push.inspected` says of a push: its refs, what each brings in numbers,
 * the first findings (masked) and unknowns, and the digest of all facts, which
 * `writes` keep: they belong into the event's batch.
 */
export async function inspectedEvent(
  session: string,
  facts: PushFacts,
  held: Pick<HeldPack, 'sha256'> | undefined,
  mask: MaskText,
): Promise<{ readonly data: EventPayloads['push.inspected']; readonly writes: readonly StoreWrite[] }> {
  const { writes, summary } = await keepFacts(session, maskFacts(facts, mask));
  const { refs, objects, bytes, contents, hidden, placeholders = [] } = facts;
  const findings = first<Finding>(maxShown, [
    facts.findings ?? [],
    ...(contents ?? []).map((one) => one.findings),
  ]);
  const unknowns = first<UnknownFact>(
    maxShown,
    (contents ?? []).map((one) => one.unknowns),
  );
  const data: EventPayloads['push.inspected'] = {
    refs: [...refs],
    objects,
    bytes,
    ...(held === undefined ? {} : { sha256: held.sha256 }),
    ...(contents === undefined ? {} : { contents: contents.map(countsOf) }),
    ...(findings.length === 0 ? {} : { findings: findings.map(wellFormed) }),
    ...(unknowns.length === 0 ? {} : { unknowns: unknowns.map(wellFormed) }),
    ...(hidden === undefined ? {} : { hidden }),
    ...(placeholders.length === 0 ? {} : { placeholders: placeholders.length }),
    kept: summary,
  };
  return { data, writes };
}

/** A text that was cut in the middle of a character must not keep the event out of the ledger. */
function wellFormed<T extends object>(row: T): T {
  const texts = Object.entries(row).map(([key, value]) => [
    key,
    typeof value === 'string' ? value.replace(/\p{Surrogate}/gu, '\ufffd') : value,
  ]);
  return Object.fromEntries(texts) as T;
}

type Contents = NonNullable<PushFacts['contents']>[number];

function countsOf({ counts, findings, unknowns }: Contents) {
  return { ...counts, findings: findings.length, unknowns: unknowns.length };
}

function first<T>(count: number, lists: readonly (readonly T[])[]): T[] {
  const found: T[] = [];
  for (const list of lists) {
    if (found.length >= count) break;
    found.push(...list.slice(0, count - found.length));
  }
  return found;
}
