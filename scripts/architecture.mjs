/**
 * docs/architecture.md: the table of rooms from scripts/rooms.json, and the
 * drawing from the imports that dependency-cruiser really sees.
 */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { putGenerated } from './generated.mjs';
import { fail, root } from './prepare.mjs';

const rooms = JSON.parse(readFileSync(join(root, 'scripts/rooms.json'), 'utf8'));

const row = ([name, { is, mayImport }]) =>
  `| ${name} | ${is} | ${mayImport.join(', ') || 'nothing of ours'} |`;
const table = ['| room | one sentence | may import |', '|---|---|---|', ...Object.entries(rooms).map(row)];

const cruise = spawnSync(
  join(root, 'node_modules/.bin/depcruise'),
  ['--config', '.dependency-cruiser.cjs', '--output-type', 'json', 'src'],
  { cwd: root, encoding: 'utf8', maxBuffer: 1 << 28 },
);
if (!cruise.stdout) fail(`dependency-cruiser gave nothing: ${cruise.stderr}`);

const roomOf = (path) => /^src\/([^/]+)\//.exec(path)?.[1];
const arrows = new Set();
const drawn = new Set();
for (const { source, dependencies } of JSON.parse(cruise.stdout).modules) {
  const from = roomOf(source);
  if (from === undefined) continue;
  drawn.add(from);
  for (const { resolved } of dependencies) {
    const to = roomOf(resolved);
    if (to !== undefined && to !== from) arrows.add(`${from} --> ${to}`);
  }
}
// An arrow to domain says nothing: every room has it.
const lines = [...arrows].filter((arrow) => !arrow.endsWith(' domain')).sort();
const drawing = ['```mermaid', 'flowchart TD', ...[...drawn].sort(), ...lines].map((line, index) =>
  index < 2 ? line : `  ${line}`,
);
putGenerated('docs/architecture.md', 'rooms', table.join('\n'));
putGenerated('docs/architecture.md', 'drawing', [...drawing, '```'].join('\n'));
