import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import test from 'node:test';
import { parseConfig } from '../../src/app/config.ts';
import { parseDuration, parseSize } from '../../src/app/units.ts';
import { runCommand } from '../support/git.ts';
import { root } from '../support/root.ts';

const read = (file: string): string => readFileSync(join(root, file), 'utf8');

test('the generated parts of the documents agree with the code', async () => {
  const args = [join(root, 'scripts', 'docs.mjs'), '--check'];
  const run = await runCommand(process.execPath, args, { cwd: root, env: { PATH: process.env['PATH'] } });
  assert.equal(run.status, 0, run.stderr);
});

test('configuration.md names every key of the schema', () => {
  const source = read('src/app/config.ts');
  const schema = source.slice(source.indexOf('const agent ='), source.indexOf('export type Config'));
  const keys = new Set([...schema.matchAll(/(?<=[{,]\s*)([a-zA-Z]+): /g)].map((match) => match[1]));
  for (const word of ['code', 'message', 'error']) keys.delete(word);
  assert.ok(keys.size > 30, `only ${keys.size} keys were found in the schema`);
  const document = read('docs/configuration.md');
  const missing = [...keys].filter((key) => !new RegExp(`\`([a-z.]+\\.)?${key}\``).test(document));
  assert.deepEqual(missing, []);
});

test('configuration.md gives the defaults that the schema has', () => {
  const minimal = 'upstreams: { u: { path: { root: /srv } } }\nrepos: [{ path: "**", upstream: u }]\n';
  const { limits } = parseConfig(minimal, '/etc/refgate.yaml');
  const rows = new Map(
    [...read('docs/configuration.md').matchAll(/^\| `limits\.(\w+)` \| `([^`]+)` \|/gm)].map((row) => [
      row[1],
      row[2],
    ]),
  );
  assert.deepEqual([...rows.keys()].sort(), Object.keys(limits).sort());
  for (const [key, value] of Object.entries(limits)) {
    const text = rows.get(key) ?? '';
    const written = parseDuration(text) ?? parseSize(text) ?? (/^\d+$/.test(text) ? Number(text) : text);
    assert.equal(written, value, `limits.${key}`);
  }
});

test('the example of configuration.md is a valid configuration, and so are those of deploy', () => {
  const example = /```yaml\n([\s\S]*?)```/.exec(read('docs/configuration.md'))?.[1] ?? '';
  assert.equal(parseConfig(example, '/etc/refgate.yaml').limits.packBytes, 4 * 2 ** 30);
  for (const file of readdirSync(join(root, 'deploy')).filter((name) => /^refgate.*\.yaml$/.test(name))) {
    parseConfig(read(`deploy/${file}`), join(root, 'deploy', file));
  }
});

test('every link from one document to a file leads somewhere', () => {
  for (const document of documents()) {
    for (const [, target = ''] of read(document).matchAll(/\]\(([^)#\s]+)[^)]*\)/g)) {
      if (/^[a-z]+:/.test(target)) continue;
      const path = normalize(join(dirname(document), target));
      assert.ok(existsSync(join(root, path)), `${document} links to ${target}, which is not there`);
    }
  }
});

test('every room has a README of its own, and every room that is a folder is in the table', () => {
  for (const room of readdirSync(join(root, 'src'))) {
    assert.ok(existsSync(join(root, 'src', room, 'README.md')), `src/${room}/README.md is missing`);
  }
});

function documents(): string[] {
  const top = readdirSync(root).filter((name) => name.endsWith('.md'));
  const docs = readdirSync(join(root, 'docs'), { recursive: true, encoding: 'utf8' });
  return [...top, ...docs.filter((name) => name.endsWith('.md')).map((name) => `docs/${name}`)];
}
