/** docs/errors.md: the table of codes, from src/domain/error.ts. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { putGenerated } from './generated.mjs';
import { fail, root } from './prepare.mjs';

const source = readFileSync(join(root, 'src/domain/error.ts'), 'utf8');
const table = /export const errorCodes = \{\n([\s\S]*?)\n\} as const;/.exec(source)?.[1];
if (table === undefined) fail('src/domain/error.ts: the table errorCodes was not found');

const lines = [];
// Joined first: the formatter breaks a long entry after its colon.
for (const line of table.replace(/:\n\s+/g, ': ').split('\n')) {
  const section = /^ {2}\/\/ (.+)$/.exec(line);
  const entry = /^ {2}([A-Z_]+): '(.+)',$/.exec(line) ?? /^ {2}([A-Z_]+): "(.+)",$/.exec(line);
  if (section) lines.push('', `## ${section[1]}`, '', '| code | what happened |', '|---|---|');
  else if (entry) lines.push(`| \`${entry[1]}\` | ${entry[2].replaceAll('|', '\\|')} |`);
  else fail(`src/domain/error.ts: a line of the table is not understood: ${line.trim()}`);
}
putGenerated('docs/errors.md', 'error codes', lines.slice(1).join('\n'));
