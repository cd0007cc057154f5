/**
 * docs/policy.schema.json, from the schema that policies are read with. It
 * needs the compiled code, and so it is compared by test/policy/documentation.test.ts.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { compile, root } from './prepare.mjs';

if (!process.argv.includes('--check')) {
  compile();
  const { policyJsonSchema } = await import(pathToFileURL(join(root, 'dist/src/policy/json-schema.js')).href);
  const path = join(root, 'docs/policy.schema.json');
  const text = `${JSON.stringify(policyJsonSchema(), null, 2)}\n`;
  let before;
  try {
    before = readFileSync(path, 'utf8');
  } catch {
    before = undefined;
  }
  if (before !== text) {
    writeFileSync(path, text);
    process.stdout.write('docs/policy.schema.json written\n');
  }
}
