/** Pushes made by hand in which every ref brings one file, so that many of them are judged in one pass. */
import { type Command, requestOf, zero } from '../scenario/raw-push.ts';
import { commit, commitLines, entry, oidOf, pack, tree, treeEntry } from '../support/pack-builder.ts';

const capabilities = 'report-status side-band-64k object-format=sha1';

export interface MadeFile {
  readonly path: string;
  readonly content: Buffer | string;
  /** 100644 when not said. */
  readonly mode?: string;
  /** Entries of the pack in place of the blob itself. */
  readonly as?: Buffer;
  readonly message?: string;
}

export interface MadePush {
  readonly body: Buffer;
  /** Of the commits, by ref without `refs/heads/`. */
  readonly oids: Readonly<Record<string, string>>;
}

/** One push of so many new branches, each with a root commit that holds one file. The blobs come in this order, then all else. */
export function pushOfFiles(files: Readonly<Record<string, MadeFile>>): MadePush {
  const blobs = new Map<string, Buffer>();
  const others = new Map<string, Buffer>();
  const oids: Record<string, string> = {};
  const add = (type: 'tree' | 'commit', content: Buffer): string => {
    const oid = oidOf(type, content);
    others.set(oid, entry(type, content));
    return oid;
  };
  for (const [ref, { path, content, mode = '100644', as, message = `${ref}\n` }] of Object.entries(files)) {
    const bytes = Buffer.from(content);
    let oid = mode === '160000' ? '1'.repeat(40) : oidOf('blob', bytes);
    if (mode !== '160000') blobs.set(oid, as ?? entry('blob', bytes));
    const names = path.split('/').reverse();
    for (const [depth, name] of names.entries())
      oid = add('tree', tree(treeEntry(depth === 0 ? mode : '40000', name, oid)));
    oids[ref] = add('commit', commit(commitLines([], oid), message));
  }
  const commands = Object.entries(oids).map(([ref, oid]): Command => [zero, oid, `refs/heads/${ref}`]);
  return { body: requestOf(commands, capabilities, pack([...blobs.values(), ...others.values()])), oids };
}
