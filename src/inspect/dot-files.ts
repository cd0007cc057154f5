import { RefgateError } from '../domain/error.ts';
import { applyDelta, readDeltaHeader } from '../git/delta.ts';
import type { DotFile } from '../git/dot-name.ts';
import { checkGitattributes, checkGitmodules } from '../git/gitmodules.ts';
import { findOid, isOidAt } from '../git/pack-index.ts';
import { packType, type WorkBudget } from '../git/pack-stream.ts';
import type { EntrySource } from './entry-source.ts';
import type { Intake } from './intake.ts';
import type { ObjectTable } from './object-table.ts';

/** Larger ones are refused; none that people write comes near. */
const maxBytes: Readonly<Record<DotFile, number>> = { gitmodules: 1024 ** 2, gitattributes: 16 * 1024 ** 2 };

/** A dot file may be a delta of a file that was larger once, up to this size. */
const maxBaseBytes = 64 * 1024 ** 2;

/**
 * Checks the blobs that trees of the pack name `.gitmodules` or
 * `.gitattributes`, as far as they are in the pack. Throws OBJECT_NAME_UNSAFE and
 * OBJECT_MALFORMED.
 * @param order the rows of the pack by oid.
 */
export function checkDotFiles(
  table: ObjectTable,
  order: Uint32Array,
  intake: Intake,
  source: EntrySource,
  budget: WorkBudget,
): void {
  for (const file of ['gitmodules', 'gitattributes'] as const) {
    for (const oid of intake.dotFiles[file].distinct()) {
      const row = order[findOid(table.oids, table.width, order, oid)];
      if (row === undefined || !isOidAt(table.oids, table.width, row, oid)) continue;
      if (table.types[row] !== packType.blob) throw unsafe(file, 'is not a blob');
      const content = readObject(table, row, file, source, budget);
      if (file === 'gitmodules') checkGitmodules(content);
      else checkGitattributes(content);
    }
  }
}

/** From the base that is stored whole, delta by delta, outwards. */
function readObject(
  table: ObjectTable,
  wanted: number,
  file: DotFile,
  source: EntrySource,
  budget: WorkBudget,
): Buffer {
  const chain = [wanted];
  for (let row = table.bases[wanted] as number; row >= 0; row = table.bases[row] as number) chain.push(row);
  let content = readEntry(
    chain.pop() as number,
    chain.length === 0 ? maxBytes[file] : maxBaseBytes,
    file,
    source,
    budget,
  );
  while (chain.length > 0) {
    const delta = readEntry(chain.pop() as number, maxBaseBytes, file, source, budget);
    const header = readDeltaHeader(delta);
    if (header.resultSize > (chain.length === 0 ? maxBytes[file] : maxBaseBytes))
      throw unsafe(file, 'is too large');
    budget.spend(header.resultSize);
    const result = Buffer.allocUnsafeSlow(header.resultSize);
    applyDelta(content, delta, header, result, 0);
    content = result;
  }
  return content;
}

function readEntry(
  row: number,
  limit: number,
  file: DotFile,
  source: EntrySource,
  budget: WorkBudget,
): Buffer {
  const size = source.open(row);
  if (size > limit) throw unsafe(file, 'is too large');
  budget.spend(size);
  const content = Buffer.allocUnsafeSlow(size + 1);
  source.whole(size, content, 0);
  return content.subarray(0, size);
}

function unsafe(file: DotFile, what: string): RefgateError {
  return new RefgateError('OBJECT_NAME_UNSAFE', 'client', `.${file} ${what}`);
}
