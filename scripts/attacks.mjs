/** docs/threat-model.md: which attack is tried where, from the headers of test/attack. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { putGenerated } from './generated.mjs';
import { fail, root } from './prepare.mjs';

const folder = join(root, 'test/attack');
const files = readdirSync(folder)
  .filter((name) => name.endsWith('.test.ts'))
  .sort();
const rows = files.map((name) => {
  const text = readFileSync(join(folder, name), 'utf8');
  const header = /^\/\*\*?([\s\S]*?)\*\//m.exec(text)?.[1];
  if (header === undefined) fail(`test/attack/${name} has no header that tells the attack`);
  const words = header.replace(/^\s*\* ?/gm, '').trim();
  // What stands before the numbered steps says what the attack is after.
  const before = words
    .split(/(?:^|\n)\s*(?:\n|1[.)])/)[0]
    .replace(/^Attack: /, '')
    .replace(/\s+/g, ' ')
    .trim();
  const intent = (before || name.replace('.test.ts', '').replaceAll('-', ' ')).replaceAll('|', '\\|');
  return `| [${name.replace('.test.ts', '')}](../test/attack/${name}) | ${intent} |`;
});
putGenerated('docs/threat-model.md', 'attacks', ['| file | attack |', '|---|---|', ...rows].join('\n'));
