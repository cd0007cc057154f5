import { RefgateError } from '../../domain/error.ts';
import type { MaskedContent, MaskedTree, ViewOf } from './view-function.ts';

/** Gives undefined where the name is shown. `unsorted`: in a tree whose entries are not in git's order. */
export type MaskName = (name: Buffer, unsorted: boolean) => MaskedContent | undefined;

interface Entry {
  /** As it is written, with its space. */
  readonly mode: Buffer;
  readonly name: Buffer;
  readonly oid: Buffer;
  readonly isTree: boolean;
}

const treeMode = 0o40000;
const gitlinkMode = 0o160000;
const typeBits = 0o170000;

/**
 * Swaps the oids of entries whose objects have a view, and masks names. Modes stay as they are written. Entries are sorted
 * again where a name changed, unless they were not in git's order. Submodules are other repositories' commits, and stay.
 * Throws OBJECT_MALFORMED (upstream).
 * @param width bytes of an oid.
 */
export function maskTree(
  content: Buffer,
  width: number,
  viewOf: ViewOf,
  maskName: MaskName,
): MaskedTree | undefined {
  let swapped: Buffer | undefined;
  let isNameMasked = false;
  eachEntry(content, width, (mode, nameFrom, nameTo) => {
    if (!isNameMasked && maskName(content.subarray(nameFrom, nameTo), false) !== undefined)
      isNameMasked = true;
    if ((mode & typeBits) === gitlinkMode) return;
    const view = viewOf(content.toString('hex', nameTo + 1, nameTo + 1 + width));
    if (view === undefined) return;
    swapped ??= Buffer.from(content);
    swapped.write(view, nameTo + 1, width, 'hex');
  });
  if (isNameMasked) return maskNames(swapped ?? content, width, maskName);
  return swapped === undefined ? undefined : { content: swapped, names: [] };
}

function maskNames(content: Buffer, width: number, maskName: MaskName): MaskedTree {
  const entries = entriesOf(content, width);
  const sorted = entries.every((entry, i) => i === 0 || compareEntries(entries[i - 1] as Entry, entry) <= 0);
  const names: MaskedTree['names'][number][] = [];
  const masked = entries.map((entry) => {
    const view = maskName(entry.name, !sorted);
    if (view === undefined) return entry;
    names.push({ original: entry.name, view: view.content, spans: view.spans });
    return { ...entry, name: view.content };
  });
  if (sorted) masked.sort(compareEntries);
  const nul = Buffer.of(0);
  return { content: Buffer.concat(masked.flatMap(({ mode, name, oid }) => [mode, name, nul, oid])), names };
}

function entriesOf(content: Buffer, width: number): Entry[] {
  const entries: Entry[] = [];
  let from = 0;
  eachEntry(content, width, (mode, nameFrom, nameTo) => {
    const oid = content.subarray(nameTo + 1, nameTo + 1 + width);
    const isTree = (mode & typeBits) === treeMode;
    entries.push({
      mode: content.subarray(from, nameFrom),
      name: content.subarray(nameFrom, nameTo),
      oid,
      isTree,
    });
    from = nameTo + 1 + width;
  });
  return entries;
}

/** Calls for each entry with its mode and where its name lies. Throws OBJECT_MALFORMED (upstream). */
export function eachEntry(
  content: Buffer,
  width: number,
  call: (mode: number, nameFrom: number, nameTo: number) => void,
): void {
  for (let at = 0; at < content.length; ) {
    let mode = 0;
    for (; content[at] !== space; at++) {
      const digit = (content[at] ?? 0) - zero;
      if (digit < 0 || digit > 7) throw malformed('a mode is not an octal number');
      mode = mode * 8 + digit;
    }
    const nameTo = content.indexOf(0, at + 1);
    if (nameTo < 0 || nameTo + 1 + width > content.length) throw malformed('it ends inside an entry');
    call(mode, at + 1, nameTo);
    at = nameTo + 1 + width;
  }
}

const space = 0x20;
const zero = 0x30;
const slash = 0x2f;

// Git's order: bytes, where a tree's name counts as ending in a slash.
function compareEntries(a: Entry, b: Entry): number {
  const common = Math.min(a.name.length, b.name.length);
  const order = a.name.compare(b.name, 0, common, 0, common);
  if (order !== 0) return order;
  return endOf(a, common) - endOf(b, common);
}

const endOf = ({ name, isTree }: Entry, at: number): number => name[at] ?? (isTree ? slash : 0);

const malformed = (detail: string) => new RefgateError('OBJECT_MALFORMED', 'upstream', `tree: ${detail}`);
