/** What a person's machine needs to talk to Refgate: an SSH key, and git told to use it. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { runCommand } from './git.ts';

export interface ClientKey {
  readonly file: string;
  /** One line of an OpenSSH .pub file. */
  readonly publicLine: string;
  /** For `env` of runGit: git over SSH with this key alone, and a known_hosts of its own. */
  readonly env: { readonly GIT_SSH_COMMAND: string; readonly GIT_SSH_VARIANT: string };
}

/** Makes a key pair in `dir` with ssh-keygen. `extra` is added to git's ssh command line. */
export async function makeClientKey(
  dir: string,
  type: 'ed25519' | 'ecdsa' | 'rsa' = 'ed25519',
  extra: readonly string[] = [],
): Promise<ClientKey> {
  const file = join(dir, `id_${type}`);
  const made = await runCommand(
    'ssh-keygen',
    ['-q', '-t', type, '-N', '', '-C', 'client@example.com', '-f', file],
    {
      env: { PATH: process.env['PATH'] },
    },
  );
  if (made.status !== 0) throw new Error(`ssh-keygen gave ${made.status}: ${made.stderr}`);
  const options = [
    'IdentitiesOnly=yes',
    'IdentityAgent=none',
    'BatchMode=yes',
    'StrictHostKeyChecking=accept-new',
    `UserKnownHostsFile=${join(dir, 'known_hosts')}`,
    'GlobalKnownHostsFile=/dev/null',
    'LogLevel=ERROR',
  ];
  const words = [
    'ssh',
    '-F',
    '/dev/null',
    '-i',
    file,
    ...options.flatMap((option) => ['-o', option]),
    ...extra,
  ];
  return {
    file,
    publicLine: readFileSync(`${file}.pub`, 'utf8').trim(),
    env: { GIT_SSH_COMMAND: words.map((word) => `'${word}'`).join(' '), GIT_SSH_VARIANT: 'ssh' },
  };
}
