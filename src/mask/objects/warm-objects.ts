import { type BigIntStats, statSync } from 'node:fs';
import { join } from 'node:path';
import { RefgateError } from '../../domain/error.ts';
import type { ObjectFormat, Oid } from '../../domain/git.ts';
import { openGitObjects } from './cat-file.ts';
import type { GitObjects } from './git-objects.ts';

/** How long a process that nobody uses stays, in ms. */
const warmFor = 30_000;

/** The most that stay at a time. */
const mostWarm = 16;

interface Warm {
  readonly objects: GitObjects;
  readonly place: string;
  readonly timer: NodeJS.Timeout;
}

const warm = new Map<string, Warm>();

/**
 * As `openGitObjects`, for a repository that is soon read again: the process stays for half a minute after `close`, and the
 * next who opens it here gets it. Not one of a repository that was removed meanwhile, nor one that was given up in the middle of an answer.
 */
export function openWarmObjects(gitDir: string, format: ObjectFormat, signal: AbortSignal): GitObjects {
  return new WarmObjects(gitDir, format, signal);
}

class WarmObjects implements GitObjects {
  readonly #gitDir: string;
  readonly #place: string;
  readonly #signal: AbortSignal;
  readonly #onAbort = (): void => this.#end(this.#signal.reason);
  readonly #objects: GitObjects;
  #asked = 0;
  #closedFor: unknown;

  constructor(gitDir: string, format: ObjectFormat, signal: AbortSignal) {
    this.#gitDir = gitDir;
    this.#place = placeOf(gitDir);
    this.#signal = signal;
    this.#objects = take(gitDir, this.#place) ?? openGitObjects(gitDir, format);
    if (signal.aborted) this.#end(signal.reason);
    else signal.addEventListener('abort', this.#onAbort, { once: true });
  }

  read(oid: Oid): ReturnType<GitObjects['read']> {
    return this.#ask(() => this.#objects.read(oid));
  }

  info(oid: Oid): ReturnType<GitObjects['info']> {
    return this.#ask(() => this.#objects.info(oid));
  }

  async #ask<T>(ask: () => Promise<T>): Promise<T> {
    if (this.#closedFor !== undefined) throw this.#closedFor;
    this.#asked++;
    try {
      return await ask();
    } catch (error) {
      throw this.#closedFor ?? error;
    } finally {
      this.#asked--;
    }
  }

  close(): void {
    this.#end(new RefgateError('SHUTTING_DOWN', 'refgate', 'the objects of a repository were closed'));
  }

  #end(reason: unknown): void {
    if (this.#closedFor !== undefined) return;
    this.#closedFor = reason;
    this.#signal.removeEventListener('abort', this.#onAbort);
    if (this.#asked > 0 || this.#place === '') this.#objects.close();
    else keep(this.#gitDir, this.#place, this.#objects);
  }
}

function keep(gitDir: string, place: string, objects: GitObjects): void {
  const [oldest] = warm.keys();
  if (oldest !== undefined && warm.size >= mostWarm) forget(oldest);
  forget(gitDir);
  const timer = setTimeout(() => forget(gitDir), warmFor);
  timer.unref();
  warm.set(gitDir, { objects, place, timer });
}

function take(gitDir: string, place: string): GitObjects | undefined {
  const found = warm.get(gitDir);
  if (found === undefined) return undefined;
  warm.delete(gitDir);
  clearTimeout(found.timer);
  if (found.place === place) return found.objects;
  found.objects.close();
  return undefined;
}

function forget(gitDir: string): void {
  const found = warm.get(gitDir);
  if (found === undefined) return;
  warm.delete(gitDir);
  clearTimeout(found.timer);
  found.objects.close();
}

/** Another one once the repository was removed and made anew; empty where there is none. */
function placeOf(gitDir: string): string {
  const stats: BigIntStats | undefined = statSync(join(gitDir, 'objects'), {
    bigint: true,
    throwIfNoEntry: false,
  });
  return stats === undefined ? '' : `${stats.dev}:${stats.ino}:${stats.birthtimeNs}`;
}
