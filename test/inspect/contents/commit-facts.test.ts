import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { commitFacts } from '../../../src/inspect/contents/commit-facts.ts';
import { git, initBare, runCommand, runGit, tempDir } from '../../support/git.ts';

const gitDir = join(tempDir({ after }, 'commits'), 'r.git');
let tree = '';
before(async () => {
  await initBare(gitDir);
  tree = await git(['hash-object', '-w', '-t', 'tree', '--stdin'], { cwd: gitDir, input: '' });
});

async function factsOf(oid: string) {
  const { stdoutBytes } = await runGit(['cat-file', 'commit', oid], { cwd: gitDir });
  return commitFacts(oid, stdoutBytes, 'sha1');
}

/** Makes a commit with these settings, and tells of it. */
async function commitWith(settings: readonly string[], args: readonly string[], message: string | Buffer) {
  const options = settings.flatMap((setting) => ['-c', setting]);
  const made = await git([...options, 'commit-tree', tree, ...args, '-F', '-'], {
    cwd: gitDir,
    input: message,
  });
  return factsOf(made);
}

test('a message and a name in Latin-1, as their commit says, are read as such', async () => {
  const message = 'Grüße aus Köln\n';
  const facts = await commitWith(['i18n.commitEncoding=ISO-8859-1'], [], Buffer.from(message, 'latin1'));
  assert.equal(facts.message, message);
  const made = Buffer.from(
    `tree ${tree}\nauthor Jörg <j@example.com> 1700000000 +0100\ncommitter Jörg <j@example.com> 1700000000 +0100\nencoding ISO-8859-1\n\nä\n`,
    'latin1',
  );
  const oid = await git(['hash-object', '-w', '-t', 'commit', '--stdin'], { cwd: gitDir, input: made });
  const { author, message: text } = await factsOf(oid);
  assert.deepEqual([author.name, text], ['Jörg', 'ä\n']);
  const shown = await git(['log', '-1', '--format=%an%n%B', '--encoding=UTF-8', oid], { cwd: gitDir });
  assert.equal(shown.trim(), 'Jörg\nä');
});

test('in an encoding that is not known, what is ASCII is still read', async () => {
  const facts = await commitWith(
    ['i18n.commitEncoding=Shift_JIS'],
    [],
    Buffer.from([0x41, 0x83, 0x65, 0x42, 10]),
  );
  assert.match(facts.message, /^A.*B\n$/);
});

test('a commit that nobody signed says so', async () => {
  assert.equal((await commitWith([], [], 'plain\n')).signature, 'none');
});

test('a signature of SSH is told by its armour', async (t) => {
  const key = join(tempDir(t, 'keys'), 'id');
  const env = { PATH: process.env['PATH'] };
  const made = await runCommand('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', key], { env });
  assert.equal(made.status, 0, made.stderr);
  const facts = await commitWith(['gpg.format=ssh', `user.signingKey=${key}.pub`], ['-S'], 'signed\n');
  assert.deepEqual([facts.signature, facts.message], ['ssh', 'signed\n']);
});

const hasGpg = spawnSync('gpg', ['--version']).status === 0;

/** The path of a program that signs as gpg does; where there is none, it is one that answers in its place. */
async function gpgFor(t: { after(end: () => unknown): void }): Promise<string> {
  // The socket of its agent takes a short path.
  const home = mkdtempSync(join(tmpdir(), 'gpg-'));
  t.after(() => {
    spawnSync('gpgconf', ['--homedir', home, '--kill', 'all']);
    rmSync(home, { recursive: true, force: true });
  });
  if (!hasGpg)
    return signer(home, ['-----BEGIN PGP SIGNATURE-----', '', 'AAAA', '-----END PGP SIGNATURE-----']);
  const env = { PATH: process.env['PATH'], GNUPGHOME: home };
  const args = [
    '--batch',
    '--passphrase',
    '',
    '--quick-generate-key',
    'cid@example.com',
    'ed25519',
    'sign',
    'never',
  ];
  const made = await runCommand('gpg', args, { env });
  assert.equal(made.status, 0, made.stderr);
  const program = join(home, 'sign');
  writeFileSync(program, `#!/bin/sh\nGNUPGHOME='${home}' exec gpg --batch "$@"\n`);
  chmodSync(program, 0o700);
  return program;
}

function signer(folder: string, lines: readonly string[]): string {
  const program = join(folder, 'signer');
  const told = lines.map((line) => `echo '${line}'`).join('\n');
  writeFileSync(program, `#!/bin/sh\ncat > /dev/null\necho '[GNUPG:] SIG_CREATED ' >&2\n${told}\n`);
  chmodSync(program, 0o700);
  return program;
}

test('a signature of OpenPGP is told by its armour', async (t) => {
  const program = await gpgFor(t);
  const settings = [`gpg.program=${program}`, 'user.signingKey=cid@example.com'];
  const facts = await commitWith(settings, ['-S'], 'signed\n');
  assert.deepEqual([facts.signature, facts.message], ['openpgp', 'signed\n']);
});

test('a signature of X.509, and one that is none of these, are told by their armour', async (t) => {
  const folder = tempDir(t, 'sign');
  for (const [first, kind] of [
    ['-----BEGIN SIGNED MESSAGE-----', 'x509'],
    ['-----BEGIN OTHER SIGNATURE-----', 'other'],
  ] as const) {
    const program = signer(folder, [first, 'AAAA', first.replace('BEGIN', 'END')]);
    const settings = ['gpg.format=x509', `gpg.x509.program=${program}`, 'user.signingKey=x'];
    assert.equal((await commitWith(settings, ['-S'], 'signed\n')).signature, kind);
  }
});
