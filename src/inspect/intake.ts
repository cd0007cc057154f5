import { createHash, type Hash, hash } from 'node:crypto';
import { RefgateError } from '../domain/error.ts';
import type { ObjectFormat } from '../domain/git.ts';
import type { DotFile } from '../git/dot-name.ts';
import { checkCollision, checkCommit, checkTag } from '../git/object.ts';
import { frameRoom, objectTypeNames, packType } from '../git/pack-stream.ts';
import { checkTree, checkTreeJoints, type TreeJoints } from '../git/tree.ts';
import type { ObjectTable } from './object-table.ts';
import { OidList } from './oid-list.ts';
import type { BlobEdit, PackScanner } from './scan-pack.ts';

/** Names of dot files that the trees of one pack may hold beyond one for each of its objects: some disks have many ways to write one. */
const maxSpareDotFiles = 100_000;

/**
 * Where the content of every object passes once: it is hashed to its oid,
 * checked for its type, searched for secrets, and what it points to is written
 * into the table.
 */
export class Intake {
  readonly #table: ObjectTable;
  readonly #format: ObjectFormat;
  readonly #scan: PackScanner;
  /** The blobs that trees of the pack name `.gitmodules` and `.gitattributes`. */
  readonly dotFiles: Readonly<Record<DotFile, OidList>>;
  #streamed: Hash | undefined;
  readonly #onDotFile = (file: DotFile, oid: Uint8Array): void => {
    const list = this.dotFiles[file];
    if (list.count >= maxSpareDotFiles + this.#table.count)
      throw new RefgateError(
        'LIMIT_EXCEEDED',
        'client',
        `trees that name .${file} more often than people do`,
      );
    list.add(oid);
  };

  constructor(table: ObjectTable, format: ObjectFormat, scan: PackScanner) {
    this.#table = table;
    this.#format = format;
    this.#scan = scan;
    this.dotFiles = { gitmodules: new OidList(table.width), gitattributes: new OidList(table.width) };
  }

  /**
   * Takes the object in frame[frameRoom .. frameRoom+size), and uses the room
   * before it. Throws OBJECT_*, PACK_COLLISION and LIMIT_EXCEEDED.
   * @param edit of a blob that a delta made in memory.
   * @param joints of a tree that a delta made of one that has been here.
   */
  whole(row: number, type: number, frame: Buffer, size: number, edit?: BlobEdit, joints?: TreeJoints): void {
    const head = objectHead(type, size);
    const from = frameRoom - head.length;
    frame.write(head, from, 'latin1');
    const digest = hash(this.#format, frame.subarray(from, frameRoom + size), 'binary');
    const { oids, width } = this.#table;
    for (let i = 0; i < width; i++) oids[row * width + i] = digest.charCodeAt(i);
    this.#table.types[row] = type;
    const content = frame.subarray(frameRoom, frameRoom + size);
    if (type === packType.tree) this.#checkTree(content, joints);
    else if (type !== packType.blob) this.#checkLinks(row, type, content);
    else {
      this.#checkBlobStart(frame, frameRoom, size);
      if (edit === undefined) this.#scan.blob(row, content);
      else this.#scan.result(row, content, edit);
    }
  }

  /** A blob that comes in pieces: begin, then its pieces, then end. One at a time. */
  beginBlob(size: number): void {
    this.#streamed = createHash(this.#format).update(objectHead(packType.blob, size), 'latin1');
    this.#scan.begin(size);
  }

  blobPiece(piece: Buffer, first: boolean): void {
    if (first) this.#checkBlobStart(piece, 0, piece.length);
    this.#streamed?.update(piece);
    this.#scan.piece(piece, first);
  }

  endBlob(row: number): void {
    if (this.#streamed !== undefined) this.#table.oids.set(this.#streamed.digest(), row * this.#table.width);
    this.#table.types[row] = packType.blob;
    this.#streamed = undefined;
    this.#scan.end(row);
  }

  #checkBlobStart(content: Buffer, from: number, size: number): void {
    if (this.#format === 'sha1') checkCollision(content, from, size);
  }

  #checkTree(content: Buffer, joints: TreeJoints | undefined): void {
    const { width } = this.#table;
    if (joints === undefined || !checkTreeJoints(content, width, joints, this.#onDotFile))
      checkTree(content, width, this.#onDotFile);
  }

  #checkLinks(row: number, type: number, content: Buffer): void {
    const table = this.#table;
    if (type === packType.commit) {
      const { parents } = checkCommit(content, this.#format);
      table.link(row, parents.length, parents);
    } else {
      const target = checkTag(content, this.#format);
      table.link(row, objectTypeNames.indexOf(target.type), [target.oid]);
    }
    this.#scan.object(row, content);
  }
}

const objectHead = (type: number, size: number) => `${objectTypeNames[type]} ${size}\0`;
