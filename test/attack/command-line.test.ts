/**
 * A client asks over SSH for a command that two parsers read differently, or for a path that leaves its repository.
 * 1. It adds an option, a second word, a quote, a separator or a line end to git-upload-pack.
 * 2. Or it names a repository by a path that a file system, a URL parser or another host reads as another one.
 * 3. Or it sets GIT_PROTOCOL to something that a shell or git would act on.
 * There is no shell: one known word, one space, one path; the canonical path is made anew from checked segments.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { RefgateError } from '../../src/domain/error.ts';
import { parseCommandLine } from '../../src/git/command-line.ts';
import { canonicalRepo, parseGitProtocol } from '../../src/git/repo-path.ts';

test('the commands of git, JGit and libgit2 are understood', () => {
  const path = '/acme/web.git';
  for (const form of [`'${path}'`, `"${path}"`, path]) {
    assert.deepEqual(parseCommandLine(`git-upload-pack ${form}`), { service: 'upload-pack', path });
    assert.deepEqual(parseCommandLine(`git-receive-pack ${form}`), { service: 'receive-pack', path });
    assert.deepEqual(parseCommandLine(`git-upload-archive ${form}`), { service: 'upload-archive', path });
  }
  assert.equal(parseCommandLine(`git-upload-pack 'a'\\''b'\\!'c'`).path, `a'b!c`);
});

test('everything else is refused', () => {
  const commands = [
    '',
    'git-upload-pack',
    'git-upload-pack ',
    "git-upload-pack ''",
    'git-upload-pack --upload-pack=x',
    "git-upload-pack --strict 'a/b'",
    "git-upload-pack '--strict'",
    "git-upload-pack 'a/b' 'c/d'",
    "git-upload-pack 'a/b';id",
    "git-upload-pack 'a/b' ;id",
    "git-upload-pack 'a/b'\nid",
    "git-upload-pack 'a/b'\n",
    "git-upload-pack 'a/b\nid'",
    "git-upload-pack 'a/b' ",
    "git-upload-pack  'a/b'",
    " git-upload-pack 'a/b'",
    "git-upload-pack\t'a/b'",
    "git-upload-pack 'a/b",
    "git-upload-pack a/b'",
    "git-upload-pack 'a'b'c'",
    "git-upload-pack 'a'\\x'b'",
    "git-upload-pack 'a''b'",
    'git-upload-pack "a`id`"',
    'git-upload-pack "$(id)"',
    'git-upload-pack "a\\"b"',
    'git-upload-pack $HOME/x',
    'git-upload-pack a/b&id',
    'git-upload-pack a/b\0',
    "GIT-UPLOAD-PACK 'a/b'",
    "/usr/bin/git-upload-pack 'a/b'",
    "git-upload-pack.exe 'a/b'",
    "constructor 'a/b'",
    'sh -c id',
    `git-upload-pack '${'a'.repeat(5000)}'`,
  ];
  for (const command of commands) {
    const refused = { code: 'COMMAND_INVALID', blame: 'client' } as const;
    assert.throws(() => parseCommandLine(command), refused, JSON.stringify(command));
  }
});

test('commands of other services are told apart, with what to do', () => {
  const commands = [
    "git upload-pack 'a/b'",
    'git-lfs-authenticate a/b download',
    'git-lfs-transfer a/b upload',
    'scp -f x',
  ];
  for (const command of commands) {
    assert.throws(() => parseCommandLine(command), { code: 'SERVICE_UNSUPPORTED', blame: 'client' }, command);
  }
});

test('a path has one canonical form', () => {
  for (const path of ['acme/web', '/acme/web', 'acme/web.git', '/acme/web.git/', 'acme/web/']) {
    assert.equal(canonicalRepo(path), 'acme/web');
  }
  assert.equal(canonicalRepo('/acme/team/web.js.git'), 'acme/team/web.js');
  assert.equal(canonicalRepo('a/_b-c.d'), 'a/_b-c.d');
});

test('a path that could be another one is refused', () => {
  const paths = [
    '',
    '/',
    'web',
    '/web.git',
    'a/b/c/d/e',
    '//acme/web',
    'acme//web',
    'acme/web//',
    '../acme/web',
    'acme/../web',
    'acme/..',
    'acme/.',
    './acme/web',
    'acme/%2e%2e',
    'acme%2fweb',
    'acme/web%00',
    'acme/web\0',
    'acme/web\n',
    'acme/web ',
    '/~user/web',
    '~/web',
    'acme\\web',
    'acme/web\\..',
    'acme/.git',
    'acme/.GIT',
    'acme/web.git.git',
    'acme/web.GIT',
    'acme/web/.git',
    'acme.git/web',
    'acme/git~1',
    'acme/GIT~1.git',
    'acme/web.',
    'acme/-web',
    '-acme/web',
    'acme/.web',
    'acme/wéb',
    'acme/.g\u200cit',
    'acme/web::$INDEX_ALLOCATION',
    'acme/web:x',
    'acme/web?x',
    'acme/web#x',
    "acme/'web",
    'acme/$x',
    `acme/${'a'.repeat(101)}`,
  ];
  for (const path of paths) {
    assert.throws(
      () => canonicalRepo(path),
      { code: 'REPO_PATH_INVALID', blame: 'client' },
      JSON.stringify(path),
    );
  }
});

test('only a plain protocol version is taken from the environment', () => {
  assert.equal(parseGitProtocol('version=2'), 2);
  assert.equal(parseGitProtocol('version=1'), 1);
  for (const value of [
    undefined,
    '',
    'version=0',
    'version=3',
    'version=2:x',
    'version=2\n',
    ' version=2',
    'Version=2',
    'version=02',
    '() { :; }; id',
  ]) {
    assert.equal(parseGitProtocol(value), 0, JSON.stringify(value));
  }
});

test('any text gives a command with a sound path, or a coded error', () => {
  const anything = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.string({ unit: 'binary' }).map((text) => `git-upload-pack ${text}`),
    fc.string().map((text) => `git-receive-pack '${text}'`),
  );
  fc.assert(
    fc.property(anything, (command) => {
      try {
        const repo = canonicalRepo(parseCommandLine(command).path);
        assert.match(repo, /^[\w.-]+(?:\/[\w.-]+){1,3}$/);
      } catch (error) {
        assert.ok(error instanceof RefgateError, String(error));
      }
    }),
    { numRuns: 1000 },
  );
});
