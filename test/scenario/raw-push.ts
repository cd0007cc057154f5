/** A client that says exactly what it is told to: receive-pack requests written by hand, over either door. */
import { spawn } from 'node:child_process';
import { encodePkt, flushPkt } from '../../src/git/pkt-line.ts';
import type { Bastion } from '../support/bastion.ts';
import { git, runGit } from '../support/git.ts';

export const zero = '0'.repeat(40);

/** One line of a request: old oid, new oid, ref name. */
export type Command = readonly [oldOid: string, newOid: string, ref: string];

/** The command list with its capabilities, and the pack. */
export function requestOf(commands: readonly Command[], capabilities: string, pack?: Buffer): Buffer {
  const lines = commands.map((command, at) =>
    encodePkt(`${command.join(' ')}${at === 0 ? `\0${capabilities}` : ''}\n`),
  );
  return Buffer.concat([...lines, flushPkt, ...(pack === undefined ? [] : [pack])]);
}

/** What `git pack-objects` makes of revisions, as `--revs` takes them. */
export async function packOf(gitDir: string, revisions: readonly string[], thin = false): Promise<Buffer> {
  const args = [
    'pack-objects',
    '--quiet',
    '--stdout',
    '--revs',
    '--delta-base-offset',
    ...(thin ? ['--thin'] : []),
  ];
  const run = await runGit(args, { cwd: gitDir, input: `${revisions.join('\n')}\n` });
  if (run.status !== 0) throw new Error(run.stderr);
  return run.stdoutBytes;
}

/** Sends a body to git-receive-pack over HTTP, and gives the answer's bytes. */
export async function post(
  bastion: Bastion,
  repo: string,
  body: Buffer,
  headers: Readonly<Record<string, string>> = {},
): Promise<{ status: number; body: Buffer }> {
  const login = Buffer.from(`ann:${bastion.logins.ann.token}`).toString('base64');
  const response = await fetch(`${bastion.refgate.http}/${repo}.git/git-receive-pack`, {
    method: 'POST',
    headers: {
      authorization: `Basic ${login}`,
      'content-type': 'application/x-git-receive-pack-request',
      ...headers,
    },
    body: new Uint8Array(body),
  });
  return { status: response.status, body: Buffer.from(await response.arrayBuffer()) };
}

/**
 * Runs git-receive-pack over SSH and sends it the pieces, waiting so many ms before
 * each; gives what came back after the advertisement, and the exit status.
 */
export function sendOverSsh(
  bastion: Bastion,
  repo: string,
  pieces: readonly (readonly [waitMs: number, bytes: Buffer])[],
): Promise<{ status: number | null; body: Buffer }> {
  const { port, ssh } = { port: bastion.refgate.sshPort, ssh: bastion.logins.ann.env.GIT_SSH_COMMAND };
  const words = [...ssh.matchAll(/'([^']*)'/g)].map((match) => match[1] ?? '');
  const [program = 'ssh', ...args] = [...words, '-p', String(port), 'git@127.0.0.1'];
  const child = spawn(program, [...args, `git-receive-pack '${repo}.git'`], {
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  const chunks: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk));
  child.stdin.on('error', () => {});
  const send = async (): Promise<void> => {
    for (const [ms, bytes] of pieces) {
      await new Promise((resolve) => setTimeout(resolve, ms));
      child.stdin.write(bytes);
    }
  };
  void send();
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (status) => resolve({ status, body: afterAdvertisement(Buffer.concat(chunks)) }));
  });
}

function afterAdvertisement(bytes: Buffer): Buffer {
  let at = 0;
  for (;;) {
    const length = Number.parseInt(bytes.toString('latin1', at, at + 4), 16);
    if (Number.isNaN(length)) return Buffer.alloc(0);
    at += Math.max(length, 4);
    if (length === 0) return bytes.subarray(at);
  }
}

/** The payloads of pkt-lines up to the end, each with the number of its band in front where there are bands; `flush` for 0000. */
export function linesOf(body: Buffer, bands = false): readonly string[] {
  const lines: string[] = [];
  for (let at = 0; at < body.length; ) {
    const length = Number.parseInt(body.toString('latin1', at, at + 4), 16);
    const payload = body.subarray(at + 4, at + length);
    if (length === 0) lines.push('flush');
    else if (!bands) lines.push(payload.toString().trimEnd());
    else
      lines.push(
        ...(payload[0] === 1
          ? linesOf(payload.subarray(1))
          : [`${payload[0]} ${payload.toString('utf8', 1)}`]),
      );
    at += Math.max(length, 4);
  }
  return lines;
}

/** The oids of names in a repository, in their order. */
export async function oids(gitDir: string, names: readonly string[]): Promise<string[]> {
  return (await git(['rev-parse', ...names], { cwd: gitDir })).split('\n');
}
