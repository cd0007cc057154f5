import { RefgateError } from '../../domain/error.ts';
import type { ObjectFormat, ObjectType, Oid } from '../../domain/git.ts';
import { isOid } from '../../git/oid.ts';
import { type BatchAnswer, BatchReader } from './batch-reader.ts';
import { type GitChild, spawnGit, streamGit } from './git-child.ts';
import type { GitObject, GitObjects } from './git-objects.ts';

const defaultMaxBytes = 64 * 1024 * 1024;

/** A request that was not answered yet. */
interface Pending {
  readonly command: 'contents' | 'info';
  readonly oid: Oid;
  readonly resolve: (answer: BatchAnswer) => void;
  readonly reject: (error: unknown) => void;
  /** Children that died while it was the oldest request. */
  deaths: number;
}

/**
 * Reads objects of the repository in `gitDir` through one `git cat-file` that is started with the first request, and
 * anew after it died; a request that it dies of twice is refused with INTERNAL (refgate), those behind it are asked again.
 * Packs that come later are seen. An object of more than `maxBytes` (64 MiB) is refused by `read` with LIMIT_EXCEEDED.
 * While nothing is asked it keeps no process alive. Closed when the signal aborts.
 */
export function openGitObjects(
  gitDir: string,
  format: ObjectFormat,
  options: { signal?: AbortSignal | undefined; maxBytes?: number } = {},
): GitObjects {
  return new CatFile(gitDir, format, options.maxBytes ?? defaultMaxBytes, options.signal);
}

class CatFile implements GitObjects {
  readonly #gitDir: string;
  readonly #format: ObjectFormat;
  readonly #maxBytes: number;
  readonly #signal: AbortSignal | undefined;
  readonly #onAbort = (): void => this.#end(this.#signal?.reason);
  #child: GitChild | undefined;
  #pending: Pending[] = [];
  #closedFor: unknown;

  constructor(gitDir: string, format: ObjectFormat, maxBytes: number, signal: AbortSignal | undefined) {
    this.#gitDir = gitDir;
    this.#format = format;
    this.#maxBytes = maxBytes;
    this.#signal = signal;
    if (signal?.aborted) this.#closedFor = signal.reason;
    else signal?.addEventListener('abort', this.#onAbort, { once: true });
  }

  async read(oid: Oid): Promise<GitObject | undefined> {
    const answer = await this.#ask('contents', oid);
    if ('missing' in answer) return undefined;
    if (answer.content !== undefined) return { oid, type: answer.type, content: answer.content };
    const detail = `the ${answer.type} ${oid} has ${answer.size} bytes, over ${this.#maxBytes}`;
    throw new RefgateError('LIMIT_EXCEEDED', 'refgate', detail);
  }

  async info(oid: Oid): Promise<{ type: ObjectType; size: number } | undefined> {
    const answer = await this.#ask('info', oid);
    return 'missing' in answer ? undefined : { type: answer.type, size: answer.size };
  }

  close(): void {
    this.#end(new RefgateError('SHUTTING_DOWN', 'refgate', 'the objects of a repository were closed'));
  }

  #end(reason: unknown): void {
    this.#closedFor ??= reason;
    this.#signal?.removeEventListener('abort', this.#onAbort);
    const pending = this.#pending;
    this.#pending = [];
    this.#child?.kill();
    this.#child = undefined;
    for (const one of pending) one.reject(this.#closedFor);
  }

  async #ask(command: Pending['command'], oid: Oid): Promise<BatchAnswer> {
    if (this.#closedFor !== undefined) throw this.#closedFor;
    if (!isOid(oid, this.#format)) throw new RefgateError('INTERNAL', 'refgate', 'this is no oid');
    return new Promise((resolve, reject) => {
      this.#pending.push({ command, oid, resolve, reject, deaths: 0 });
      if (this.#child === undefined) this.#start();
      else this.#send(this.#child, `${command} ${oid}\n`);
    });
  }

  #send(child: GitChild, lines: string): void {
    keepAlive(child, true);
    child.process.stdin.write(lines);
  }

  /** Asks everything that is pending. */
  #start(): void {
    let child: GitChild;
    try {
      child = spawnGit(this.#gitDir, ['cat-file', '--batch-command']);
    } catch (error) {
      for (const one of this.#pending.splice(0)) one.reject(error);
      return;
    }
    this.#child = child;
    const reader = new BatchReader(
      this.#maxBytes,
      () => this.#pending[0]?.command === 'contents',
      (answer) => this.#answered(child, answer),
    );
    child.process.stdout.on('data', (piece: Buffer) => {
      if (this.#child !== child) return;
      try {
        reader.write(piece);
      } catch (error) {
        child.kill();
        this.#lost(child, error);
      }
    });
    void child.ended.then(
      () => this.#lost(child, new RefgateError('INTERNAL', 'refgate', 'git cat-file ended')),
      (error: unknown) => this.#lost(child, error),
    );
    this.#send(child, this.#pending.map(({ command, oid }) => `${command} ${oid}\n`).join(''));
  }

  #answered(child: GitChild, answer: BatchAnswer): void {
    const one = this.#pending[0];
    if (one?.oid !== answer.oid)
      throw new RefgateError('INTERNAL', 'refgate', 'git cat-file answered what was not asked');
    this.#pending.shift();
    if (this.#pending.length === 0) keepAlive(child, false);
    one.resolve(answer);
  }

  /** What it died of is asked once more, since it may have been dead already. */
  #lost(child: GitChild, error: unknown): void {
    if (this.#child !== child) return;
    this.#child = undefined;
    const first = this.#pending[0];
    if (first !== undefined && ++first.deaths > 1) this.#pending.shift()?.reject(error);
    if (this.#pending.length > 0) this.#start();
  }
}

/** Whether the process waits for the child. The pipes of a child are sockets, which its types do not say. */
function keepAlive(child: GitChild, wanted: boolean): void {
  const { process } = child;
  for (const part of [process, process.stdin, process.stdout, process.stderr]) {
    const handle = part as { ref?: () => void; unref?: () => void };
    if (wanted) handle.ref?.();
    else handle.unref?.();
  }
}

/** What `readObjects` gives for an oid. */
export type ReadObject =
  | GitObject
  | { readonly oid: Oid; readonly missing: true }
  | { readonly oid: Oid; readonly type: ObjectType; readonly size: number; readonly tooLarge: true };

/**
 * Reads many objects at once, in the order of their oids as given. Back-pressure both ways; memory is bounded by
 * `maxBytes` (64 MiB), above which an object is skipped over and told as too large. The oids must not wait for answers:
 * git may keep those back until it has all oids. Throws INTERNAL (refgate), the signal's reason, and what `oids` throws.
 */
export async function* readObjects(
  gitDir: string,
  oids: AsyncIterable<Oid> | Iterable<Oid>,
  options: { signal?: AbortSignal | undefined; maxBytes?: number } = {},
): AsyncGenerator<ReadObject, void, undefined> {
  const ready: ReadObject[] = [];
  let asked = 0;
  let answered = 0;
  const lines = async function* (): AsyncGenerator<string> {
    for await (const batch of inBatches(oids)) {
      asked += batch.length;
      yield `${batch.join('\n')}\n`;
    }
  };
  const reader = new BatchReader(
    options.maxBytes ?? defaultMaxBytes,
    () => true,
    (answer) => {
      answered++;
      ready.push(objectOf(answer));
    },
  );
  const args = ['cat-file', '--batch', '--buffer'];
  for await (const piece of streamGit(gitDir, args, { input: lines(), signal: options.signal })) {
    reader.write(piece);
    yield* ready;
    ready.length = 0;
  }
  if (!reader.isBetween || answered !== asked)
    throw new RefgateError('INTERNAL', 'refgate', 'git cat-file ended before it had answered everything');
}

function objectOf(answer: BatchAnswer): ReadObject {
  if ('missing' in answer) return answer;
  const { oid, type, size, content } = answer;
  return content === undefined ? { oid, type, size, tooLarge: true } : { oid, type, content };
}

const oidsPerWrite = 512;

async function* inBatches(oids: AsyncIterable<Oid> | Iterable<Oid>): AsyncGenerator<readonly Oid[]> {
  let batch: Oid[] = [];
  for await (const oid of oids) {
    if (!isOid(oid, oid.length === 64 ? 'sha256' : 'sha1'))
      throw new RefgateError('INTERNAL', 'refgate', 'this is no oid');
    batch.push(oid);
    if (batch.length < oidsPerWrite) continue;
    yield batch;
    batch = [];
  }
  if (batch.length > 0) yield batch;
}
