import assert from 'node:assert/strict';
import { cpSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import test from 'node:test';
import { runCommand, tempDir } from '../support/git.ts';
import { root } from '../support/root.ts';

interface Cruise {
  readonly modules: readonly { readonly source: string }[];
  readonly summary: {
    readonly violations: readonly { readonly from: string; readonly rule: { readonly name: string } }[];
  };
}

test('every import of src is one that the table allows, and every file of src was looked at', async () => {
  const cruise = await depcruise(root);
  const violations = cruise.summary.violations.map((violation) => JSON.stringify(violation));
  assert.deepEqual(violations, []);
  const seen = cruise.modules.map(({ source }) => source).filter((source) => source.startsWith('src/'));
  assert.deepEqual(seen.sort(), typescriptFiles(join(root, 'src'), 'src').sort());
  assert.ok(seen.length > 10, `only ${seen.length} modules were seen`);
});

test('every folder of src has a row in the table', () => {
  const rooms = Object.keys(JSON.parse(readFileSync(join(root, 'scripts/rooms.json'), 'utf8')));
  for (const entry of readdirSync(join(root, 'src'), { withFileTypes: true })) {
    assert.ok(
      entry.isDirectory() || entry.name === 'README.md',
      `src/${entry.name} is outside of every room`,
    );
    if (entry.isDirectory()) assert.ok(rooms.includes(entry.name), `src/${entry.name} has no row`);
  }
});

const planted = [
  {
    rule: 'room-git',
    room: 'src/git',
    text: "import '../session/planted-target.ts';\n",
  },
  {
    rule: 'room-session',
    room: 'src/session',
    text: "import '../store/planted-target.ts';\n",
  },
  {
    rule: 'room-policy',
    room: 'src/policy',
    text: "import type { T } from '../git/planted-target.ts';\nexport const t: T = 1;\n",
  },
  {
    rule: 'room-cli',
    room: 'src/cli',
    text: "import '../record/planted-target.ts';\n",
  },
  {
    rule: 'pure-no-io',
    room: 'src/git',
    text: "import { readFileSync } from 'node:fs';\nreadFileSync('x');\n",
  },
  {
    rule: 'pure-no-io',
    room: 'src/policy',
    text: "import { connect } from 'net';\nconnect(1);\n",
  },
  { rule: 'pure-no-packages', room: 'src/git', text: "import 'zod';\n" },
  {
    rule: 'credential-boundary',
    room: 'src/app',
    text: "import '../agent/vault/planted-target.ts';\n",
  },
  {
    rule: 'agent-link-only',
    room: 'src/agent',
    text: "import '../upstream/planted-target.ts';\n",
  },
  { rule: 'room-unknown', room: 'src/utils', text: "import 'node:fs';\n" },
  {
    rule: 'room-unknown-target',
    room: 'src/app',
    text: "import '../utils/planted-target.ts';\n",
  },
  { rule: 'dev-package', room: 'src/app', text: "import 'fast-check';\n" },
  { rule: 'unresolved', room: 'src/app', text: "import './is-not-there.ts';\n" },
] as const;

test('each rule finds the violation that is planted for it', async (t) => {
  const copy = tempDir(t, 'planted');
  copyTree(copy);
  for (const [index, plant] of planted.entries()) {
    write(copy, `${plant.room}/planted-${index}.ts`, plant.text);
    for (const [target] of plant.text.matchAll(/\.\.\/[a-z/-]+-target\.ts/g)) {
      write(copy, join(plant.room, target), 'export type T = 1;\nexport const value: T = 1;\n');
    }
  }
  const { violations } = (await depcruise(copy)).summary;
  for (const [index, plant] of planted.entries()) {
    const found = violations.filter(({ from }) => from === `${plant.room}/planted-${index}.ts`);
    assert.ok(
      found.some(({ rule }) => rule.name === plant.rule),
      `${plant.rule} did not find ${plant.text}`,
    );
  }
});

test('a circle of two files is found, of types too', async (t) => {
  const copy = tempDir(t, 'circle');
  copyTree(copy);
  write(copy, 'src/git/planted-a.ts', "import type { B } from './planted-b.ts';\nexport type A = B | 1;\n");
  write(copy, 'src/git/planted-b.ts', "import type { A } from './planted-a.ts';\nexport type B = A | 2;\n");
  const { violations } = (await depcruise(copy)).summary;
  assert.ok(violations.some(({ rule }) => rule.name === 'cycle'));
});

test('type imports of node:stream are allowed where I/O is not', async (t) => {
  const copy = tempDir(t, 'types');
  copyTree(copy);
  write(
    copy,
    'src/git/planted.ts',
    "import type { Readable } from 'node:stream';\nexport type R = Readable;\n",
  );
  const { violations } = (await depcruise(copy)).summary;
  assert.deepEqual(violations, []);
});

async function depcruise(folder: string): Promise<Cruise> {
  const bin = join(root, 'node_modules', 'dependency-cruiser', 'bin', 'dependency-cruise.mjs');
  const args = [bin, '--config', '.dependency-cruiser.cjs', '--output-type', 'json', 'src'];
  const run = await runCommand(process.execPath, args, { cwd: folder, env: { PATH: process.env['PATH'] } });
  assert.ok(run.stdout.startsWith('{'), run.stderr);
  return JSON.parse(run.stdout) as Cruise;
}

/** A small tree with the real rules: the domain, and what is planted. */
function copyTree(copy: string): void {
  for (const name of [
    '.dependency-cruiser.cjs',
    'tsconfig.json',
    'package.json',
    'scripts/rooms.json',
    'src/domain',
  ]) {
    cpSync(join(root, name), join(copy, name), { recursive: true });
  }
  symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'));
}

function write(copy: string, file: string, text: string): void {
  mkdirSync(dirname(join(copy, file)), { recursive: true });
  writeFileSync(join(copy, file), text);
}

function typescriptFiles(folder: string, name: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    if (entry.isDirectory()) return typescriptFiles(join(folder, entry.name), `${name}/${entry.name}`);
    return /\.tsx?$/.test(entry.name) ? [`${name}/${entry.name}`] : [];
  });
}
