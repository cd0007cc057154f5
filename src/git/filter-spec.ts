/** Filter specifications of partial clone: git-rev-list(1), `--filter`. */
import { type Peer, protocolError, quoted } from './protocol-error.ts';

const simple =
  /^(?:blob:none|blob:limit=\d{1,15}[kmg]?|tree:\d{1,9}|object:type=(?:commit|tree|blob|tag)|sparse:oid=[\w:./-]{1,512})$/;

/** Refuses what is not a filter that git knows: PROTOCOL_ERROR. `sparse:path` is not one any more. */
export function checkFilter(filter: string, peer: Peer): void {
  if (!known(filter, 4)) throw protocolError(peer, `filter ${quoted(filter)} is not supported`);
}

function known(filter: string, depth: number): boolean {
  if (filter.length > 1024) return false;
  if (simple.test(filter)) return true;
  if (!filter.startsWith('combine:') || depth === 0) return false;
  return filter
    .slice('combine:'.length)
    .split('+')
    .every((part) => {
      const decoded = percentDecode(part);
      return decoded !== undefined && known(decoded, depth - 1);
    });
}

function percentDecode(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}
