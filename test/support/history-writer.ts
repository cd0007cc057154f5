/**
 * Histories made object by object, so that a test decides every byte of them:
 * odd headers, twins, names that no work tree could hold.
 */
import { createHash } from 'node:crypto';
import type { ObjectFormat, ObjectType, Oid } from '../../src/domain/git.ts';
import { git } from './git.ts';
import { entry, oidOf, pack } from './pack-builder.ts';

/** A file of a folder: its mode as a tree writes it. */
export interface FileEntry {
  readonly mode: string;
  readonly oid: Oid;
}

/** A folder and all below it. Never changes: `with` gives another one. Names are latin1 of their bytes. */
export class Folder {
  readonly #entries: ReadonlyMap<string, FileEntry | Folder>;
  #oid: Oid | undefined;

  constructor(entries: ReadonlyMap<string, FileEntry | Folder> = new Map()) {
    this.#entries = entries;
  }

  /** With a file at the path, or without what is there. */
  with(path: string, file: FileEntry | undefined): Folder {
    const slash = path.indexOf('/');
    const entries = new Map(this.#entries);
    if (slash < 0) {
      if (file === undefined) entries.delete(path);
      else entries.set(path, file);
      return new Folder(entries);
    }
    const name = path.slice(0, slash);
    const old = entries.get(name);
    const folder = (old instanceof Folder ? old : new Folder()).with(path.slice(slash + 1), file);
    if (folder.#entries.size === 0) entries.delete(name);
    else entries.set(name, folder);
    return new Folder(entries);
  }

  at(path: string): FileEntry | undefined {
    const slash = path.indexOf('/');
    const found = this.#entries.get(slash < 0 ? path : path.slice(0, slash));
    if (found instanceof Folder) return slash < 0 ? undefined : found.at(path.slice(slash + 1));
    return slash < 0 ? found : undefined;
  }

  /** Writes what is not written yet. */
  write(writer: HistoryWriter): Oid {
    if (this.#oid !== undefined) return this.#oid;
    const rows = [...this.#entries].map(([name, value]) => {
      const isFolder = value instanceof Folder;
      const mode = isFolder ? '40000' : value.mode;
      const oid = isFolder ? value.write(writer) : value.oid;
      const head = Buffer.from(`${mode} ${name}\0`, 'latin1');
      return {
        key: Buffer.from(isFolder ? `${name}/` : name, 'latin1'),
        row: Buffer.concat([head, Buffer.from(oid, 'hex')]),
      };
    });
    rows.sort((a, b) => a.key.compare(b.key));
    this.#oid = writer.raw('tree', Buffer.concat(rows.map(({ row }) => row)));
    return this.#oid;
  }
}

export interface CommitText {
  readonly tree: Folder | Oid;
  readonly parents?: readonly Oid[];
  readonly author?: string;
  readonly message: string;
  /** Whole header lines behind the committer, each with its newline. */
  readonly headers?: string;
}

/** Collects objects and writes them as packs. */
export class HistoryWriter {
  readonly format: ObjectFormat;
  #seconds = 1_700_000_000;
  #entries: Buffer[] = [];
  readonly #known = new Set<Oid>();

  constructor(format: ObjectFormat = 'sha1') {
    this.format = format;
  }

  raw(type: ObjectType, content: Buffer): Oid {
    const oid = oidOf(type, content, this.format);
    if (!this.#known.has(oid)) {
      this.#known.add(oid);
      this.#entries.push(entry(type, content));
    }
    return oid;
  }

  blob(content: string | Buffer): Oid {
    return this.raw('blob', typeof content === 'string' ? Buffer.from(content, 'latin1') : content);
  }

  file(content: string | Buffer, mode = '100644'): FileEntry {
    return { mode, oid: this.blob(content) };
  }

  /** A second later than the one before. */
  commit(text: CommitText): Oid {
    const time = `${this.#seconds++} +0000`;
    const tree = text.tree instanceof Folder ? text.tree.write(this) : text.tree;
    const parents = (text.parents ?? []).map((oid) => `parent ${oid}\n`).join('');
    const author = `author ${text.author ?? 'Ann Author <ann@example.com>'} ${time}\n`;
    const committer = `committer Cid Committer <cid@example.com> ${time}\n`;
    const head = `tree ${tree}\n${parents}${author}${committer}${text.headers ?? ''}`;
    return this.raw('commit', Buffer.from(`${head}\n${text.message}`, 'latin1'));
  }

  tag(name: string, type: ObjectType, object: Oid, message: string): Oid {
    return this.raw('tag', Buffer.from(this.tagText(name, type, object, message), 'latin1'));
  }

  tagText(name: string, type: ObjectType, object: Oid, message: string): string {
    const tagger = `tagger Tag Tagger <tag@example.com> ${this.#seconds++} +0000`;
    return `object ${object}\ntype ${type}\ntag ${name}\n${tagger}\n\n${message}`;
  }

  /** Puts what was collected since the last time into a repository of the same object format. */
  async flush(gitDir: string): Promise<void> {
    if (this.#entries.length === 0) return;
    const input = pack(this.#entries, { format: this.format });
    this.#entries = [];
    await git(['index-pack', '--stdin'], { cwd: gitDir, input });
  }
}

/** Sets refs and where HEAD points, whatever they were. */
export async function setRefs(
  gitDir: string,
  refs: Iterable<readonly [ref: string, oid: Oid]>,
  head = 'refs/heads/main',
): Promise<void> {
  const input = [...refs].map(([ref, oid]) => `update ${ref} ${oid}\n`).join('');
  await git(['update-ref', '--stdin'], { cwd: gitDir, input });
  await git(['symbolic-ref', 'HEAD', head], { cwd: gitDir });
}

/** A signature block as a header of a commit holds it; nobody made it. */
export function signatureHeader(format: ObjectFormat, seed: string): string {
  const name = format === 'sha1' ? 'gpgsig' : 'gpgsig-sha256';
  const text = createHash('sha512').update(seed).digest('base64');
  const lines = [
    '-----BEGIN PGP SIGNATURE-----',
    '',
    text.slice(0, 64),
    text.slice(64),
    '-----END PGP SIGNATURE-----',
  ];
  return `${name} ${lines.join('\n ')}\n`;
}
