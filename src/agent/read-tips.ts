import type { Oid } from '../domain/git.ts';
import { readAdvertisement } from '../git/advertisement.ts';
import type { Capabilities } from '../git/capabilities.ts';
import { zeroOid } from '../git/oid.ts';
import { PktReader } from '../git/pkt-line.ts';
import type { RelayOperation } from '../upstream/link-job.ts';

/** What the upstream says now of the refs of a push: the zero oid for one that does not exist. */
export interface Tips {
  readonly tips: ReadonlyMap<string, Oid>;
  readonly capabilities: Capabilities;
}

/** Reads the whole advertisement and keeps the refs of the push. Throws as `readAdvertisement` does. */
export async function readTips(
  advertisement: AsyncIterable<Buffer>,
  operation: RelayOperation,
): Promise<Tips> {
  const absent = zeroOid(operation.objectFormat);
  const tips = new Map<string, Oid>(operation.updates.map(({ ref }) => [ref, absent]));
  const { capabilities, refs } = await readAdvertisement(new PktReader(advertisement, 'upstream'));
  for await (const batch of refs) {
    for (const { ref, oid } of batch) if (oid !== null && tips.has(ref)) tips.set(ref, oid);
  }
  return { tips, capabilities };
}
