import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { type GitRun, runCommand, tempDir } from '../support/git.ts';
import { outDir } from '../support/refgate.ts';
import { suiteCleanup } from '../support/suite.ts';

const main = join(outDir, 'src', 'cli', 'main.js');

/** A value of the right shape for a rule of our own test file. */
const token = ['exco', 'a1B2c3D4e5F6g7H8i9J0'].join('_');
const rules = String.raw`
[[rules]]
id = "exco-token"
description = "Token of Example Corp"
regex = '''\bexco_[A-Za-z0-9]{20}\b'''
keywords = ["exco_"]

[[rules]]
id = "exco-file"
path = '''\.exkey$'''

[[allowlists]]
paths = ['''^vendor/''']
`;

interface Line {
  readonly file: string;
  readonly rule?: string;
  readonly start: number;
  readonly end: number;
  readonly line?: number;
  readonly fingerprint?: string;
  readonly unscanned?: string;
}

describe('secret scan', () => {
  const suite = suiteCleanup();
  const dir = tempDir(suite, 'secret-scan');
  const tree = join(dir, 'tree');
  for (const folder of ['', 'src', 'vendor', '.git', 'clean'])
    mkdirSync(join(tree, folder), { recursive: true });
  const put = (name: string, text: string | Buffer): void => writeFileSync(join(tree, name), text);
  put('src/a.ts', `one\ntwo\nconst t = '${token}';\n`);
  put('src/b.bin', Buffer.concat([Buffer.alloc(100), Buffer.from(`"${token}"`)]));
  put('src/allowed.ts', `const t = '${token}'; // gitleaks:allow\n`);
  put('vendor/c.ts', `const t = '${token}';\n`);
  put('.git/config', `t = '${token}'\n`);
  put('clean/d.ts', 'nothing\n');
  put('src/sign.exkey', 'x');
  symlinkSync(join(tree, 'src', 'a.ts'), join(tree, 'clean', 'link.ts'));
  const file = join(dir, 'rules.toml');
  writeFileSync(file, rules);

  const refgate = (...args: readonly string[]): Promise<GitRun> =>
    runCommand(process.execPath, [main, 'secret', ...args], {
      cwd: tree,
      env: { PATH: process.env['PATH'], HOME: dir, LC_ALL: 'C' },
    });
  const scan = (...args: readonly string[]): Promise<GitRun> =>
    refgate('scan', ...args, '--rules', file, '--no-defaults');
  const linesOf = ({ stdout }: GitRun): Line[] =>
    stdout
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line) as Line);

  test('each finding is one JSON line, with byte offsets and the keys in their order', async () => {
    const run = await scan('.', '--jsonl');
    assert.equal(run.status, 1, run.stderr);
    const lines = linesOf(run);
    assert.deepEqual(
      lines.map((one) => `${one.file} ${one.rule} ${one.start} ${one.end} ${one.line}`),
      [
        `src/a.ts exco-token 19 44 3`,
        `src/b.bin exco-token 101 126 undefined`,
        `src/sign.exkey exco-file 0 1 undefined`,
      ],
    );
    const keys = ['file', 'rule', 'tier', 'start', 'end', 'sample', 'family', 'confidence', 'line'];
    assert.deepEqual(Object.keys(lines[0] ?? {}), keys);
    assert.ok(!run.stdout.includes(token) && !run.stderr.includes(token), 'the secret was shown');
  });

  test('people read path, line, rule and a masked sample, and a summary', async () => {
    const run = await scan('.');
    assert.equal(run.status, 1);
    assert.match(run.stdout, /^src\/a.ts:3: exco-token \(C, medium\) exco_a\*\*\*$/m);
    assert.match(run.stderr, /5 files|6 files/);
    assert.match(run.stderr, /3 findings, 1 allowed by comments; 2 rules, version [0-9a-f]{12}/);
    assert.match(run.stderr, /refgate: 3 secrets found: take them out/);
    assert.match((await scan('.', '--all')).stdout, /allowed.ts:1: .*\[allowed by its comment\]/);
    assert.doesNotMatch((await scan('.', '--redact')).stdout, /exco_/);
  });

  test('nothing found is exit status 0', async () => {
    const run = await scan('clean');
    assert.equal(run.status, 0, run.stderr);
    assert.equal(run.stdout, '');
  });

  test('a key gives fingerprints: the same secret the same one', async () => {
    const key = join(dir, 'key');
    writeFileSync(key, randomBytes(32));
    const lines = linesOf(await scan('src/a.ts', 'src/b.bin', '--jsonl', '--key-file', key));
    assert.match(lines[0]?.fingerprint ?? '', /^[0-9a-f]{32}$/);
    assert.equal(lines[0]?.fingerprint, lines[1]?.fingerprint);
  });

  test('a large file is scanned in windows, with the right offsets and lines', async () => {
    const before = Buffer.from('lorem ipsum dolor sit amet\n'.repeat(700_000));
    writeFileSync(join(dir, 'large'), Buffer.concat([before, Buffer.from(`t='${token}'\n`)]));
    const [found] = linesOf(await scan(join(dir, 'large'), '--jsonl'));
    assert.equal(found?.start, before.length + 3);
    assert.equal(found?.line, 700_001);
  });

  test('what is not there, no rules, and a bad rule file are told in one line', async () => {
    const missing = await scan('nowhere');
    assert.equal(missing.status, 2);
    assert.match(missing.stderr, /there is no nowhere/);
    const none = await refgate('scan', '.', '--no-defaults');
    assert.equal(none.status, 2);
    assert.match(none.stderr, /there are no rules; name a file with --rules/);
    const bad = join(dir, 'bad.toml');
    writeFileSync(bad, '[[rules]]\nid = "x"\nregex = "a(?!b)"\n');
    const refused = await refgate('scan', '.', '--rules', bad);
    assert.equal(refused.status, 1);
    assert.match(refused.stderr, /bad.toml: rule "x": regex = "a\(\?!b\)": RE2 has no look-around/);
  });

  test('rules are listed, or one of them', async () => {
    const listed = await refgate('rules', '--rules', file, '--no-defaults');
    assert.match(listed.stdout, /exco-token +C +custom +Token of Example Corp/);
    const one = await refgate('rules', 'exco-file', '--rules', file, '--no-defaults', '--json');
    assert.equal((JSON.parse(one.stdout) as unknown[]).length, 1);
    const none = await refgate('rules', 'nothing-of-the-kind', '--rules', file, '--no-defaults');
    assert.equal(none.status, 1);
    assert.match(none.stderr, /there is no rule nothing-of-the-kind/);
  });
});
