/** Looks for secrets in every object of a repository or a pack, in the encodings in which a reader would know them. */
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { git, gitEnv, initBare, runGit } from './git.ts';
import type { PlantedSecret } from './secret-history.ts';

export interface Leak {
  readonly where: string;
  readonly encoding: string;
  /** `blob 1234...`, or where else it was. */
  readonly object: string;
}

interface Needle {
  readonly where: string;
  readonly encoding: string;
  readonly bytes: Buffer;
}

/**
 * Every object is inflated, reachable or not, and also the names of the refs are
 * looked at. @param place a repository, or a pack file that needs no other objects.
 */
export async function findLeaks(place: string, secrets: readonly PlantedSecret[]): Promise<readonly Leak[]> {
  if (statSync(place).isDirectory()) return leaksOfRepository(place, needlesOf(secrets));
  const folder = mkdtempSync(join(tmpdir(), 'refgate-leaks-'));
  try {
    await initBare(folder);
    const indexed = await runGit(['index-pack', '--stdin'], {
      cwd: folder,
      input: readFileSync(place),
    });
    if (indexed.status !== 0) throw new Error(`the pack is not whole: ${indexed.stderr}`);
    return await leaksOfRepository(folder, needlesOf(secrets));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** What of the secrets is in some bytes. */
export function leaksIn(
  bytes: Buffer,
  secrets: readonly PlantedSecret[],
  object = 'the bytes',
): readonly Leak[] {
  return search(bytes, needlesOf(secrets), object);
}

function search(bytes: Buffer, needles: readonly Needle[], object: string): Leak[] {
  return needles
    .filter((needle) => bytes.includes(needle.bytes))
    .map(({ where, encoding }) => ({ where, encoding, object }));
}

async function leaksOfRepository(gitDir: string, needles: readonly Needle[]): Promise<readonly Leak[]> {
  const refs = Buffer.from(await git(['for-each-ref', '--format=%(refname)'], { cwd: gitDir }));
  const leaks = search(refs, needles, 'the names of refs');
  for await (const { head, content } of allObjects(gitDir)) leaks.push(...search(content, needles, head));
  return leaks;
}

/** Every object that the repository holds. */
export async function* allObjects(
  gitDir: string,
): AsyncGenerator<{ readonly head: string; readonly content: Buffer }> {
  const args = ['cat-file', '--batch', '--batch-all-objects', '--buffer', '--unordered'];
  const child = spawn('git', args, { cwd: gitDir, env: gitEnv(), stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
  let held: Buffer = Buffer.alloc(0);
  const pieces: Buffer[] = [];
  let size = 0;
  let need = 1;
  for await (const piece of child.stdout) {
    pieces.push(piece);
    size += piece.length;
    if (size < need) continue;
    held = Buffer.concat(pieces);
    let at = 0;
    for (;;) {
      const end = held.indexOf(10, at);
      if (end < 0) break;
      const head = held.toString('latin1', at, end);
      const length = Number(head.split(' ')[2]);
      if (held.length < end + 1 + length + 1) {
        need = end + 1 + length + 1 - at;
        break;
      }
      yield {
        head: head.split(' ').slice(0, 2).reverse().join(' '),
        content: held.subarray(end + 1, end + 1 + length),
      };
      at = end + 1 + length + 1;
      need = 1;
    }
    pieces.length = 0;
    pieces.push(held.subarray(at));
    size = held.length - at;
  }
  if ((await ended) !== 0 || size > 0) throw new Error('git cat-file did not end well');
}

function needlesOf(secrets: readonly PlantedSecret[]): Needle[] {
  return secrets.flatMap(({ where, text }) => {
    const plain = Buffer.from(text, 'latin1');
    const needle = (encoding: string, bytes: Buffer): Needle => ({ where, encoding, bytes });
    return [
      needle('plain', plain),
      ...[0, 1, 2].map((phase) => needle(`base64 phase ${phase}`, Buffer.from(base64At(plain, phase)))),
      needle('hex', Buffer.from(plain.toString('hex'))),
      needle('upper-case hex', Buffer.from(plain.toString('hex').toUpperCase())),
      needle('utf16le', Buffer.from(text, 'utf16le')),
      needle('utf16be', Buffer.from(text, 'utf16le').swap16()),
    ];
  });
}

/** The characters that base64 gives for the bytes wherever they begin `phase` bytes behind a multiple of three. */
function base64At(bytes: Buffer, phase: number): string {
  const text = Buffer.concat([Buffer.alloc(phase), bytes])
    .toString('base64')
    .replace(/=+$/, '');
  const from = phase === 0 ? 0 : phase + 1;
  const whole = Math.floor(((phase + bytes.length) * 8) / 6);
  return text.slice(from, whole);
}
