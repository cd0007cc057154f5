/**
 * Parts of documents that are made from the code: the text between
 * `<!-- generated: NAME -->` and `<!-- end -->`.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fail, root } from './prepare.mjs';

/**
 * Puts `text` into the part `name` of a document. With `--check` on the
 * command line it writes nothing, and ends the process when the text differs.
 */
export function putGenerated(document, name, text) {
  const path = join(root, document);
  const before = readFileSync(path, 'utf8');
  const part = new RegExp(`(<!-- generated: ${name} -->\n)[\\s\\S]*?(<!-- end -->)`);
  if (!part.test(before)) fail(`${document} has no part "generated: ${name}"`);
  const after = before.replace(part, (_, open, close) => `${open}${text.trimEnd()}\n${close}`);
  if (after === before) return;
  if (process.argv.includes('--check')) {
    fail(`${document} does not agree with the code in "${name}"; run npm run docs`);
  }
  writeFileSync(path, after);
  process.stdout.write(`${document}: ${name} written\n`);
}
