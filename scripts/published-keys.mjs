/**
 * `node scripts/published-keys.mjs NAME=FOLDER...`: writes src/inspect/secrets/rules/published-keys.txt, the digests of
 * keys and tokens that well-known projects publish in their test data and documentation. Each FOLDER holds released
 * sources, as `apt-get source` or `npm pack` gives them; NAME says which project, and which release. Only what lies in
 * folders or files of tests, examples and documentation is taken. Nothing of the values themselves is written.
 */
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { pathToFileURL } from 'node:url';
import { compile, fail, root } from './prepare.mjs';

const target = join(root, 'src/inspect/secrets/rules/published-keys.txt');
/** Passwords and keys of services are not taken: what they open may be open still. */
const rules = new Set([
  'private-key',
  'private-key-base64',
  'putty-private-key',
  'jwt',
  'basic-authorization',
  'wireguard-private-key',
]);
const published =
  /(?:^|[/._-])(?:test\w*|t|tst|spec|specs|fixtures?|examples?|samples?|demos?|docs?|documentation|doc|man|regress|testdata|test_data|testcerts|benchmarks?|vectors|suites?|selftests?|fuzz|expected|apps|types|certs?|html|readme|changelog)(?:$|[/._-])/i;
/** Larger files are data that nobody keeps keys in, in bytes. */
const largest = 64 << 20;

const sources = process.argv.slice(2).map((argument) => {
  const at = argument.indexOf('=');
  if (at < 1) fail(`${argument}: write NAME=FOLDER`);
  return { name: argument.slice(0, at), folder: argument.slice(at + 1) };
});
if (sources.length === 0) fail('no folder is given; write NAME=FOLDER, once for each project');

const built = process.env.REFGATE_BUILT ?? join(root, 'dist');
if (process.env.REFGATE_BUILT === undefined) compile();
const load = (file) => import(pathToFileURL(join(built, 'src/inspect/secrets', file)).href);
const { Scanner } = await load('scanner.js');
const { defaultRules } = await load('rules/load-rules.js');
const { publishedDigest } = await load('rules/published-keys.js');
const scanner = new Scanner(
  defaultRules().filter(({ id }) => rules.has(id)),
  { depth: 4, matches: 100_000, workBase: 1 << 30, deadlineMs: 120_000 },
);

const known = new Set();
const parts = [];
for (const { name, folder } of sources) {
  const found = new Set();
  for (const path of filesOf(folder)) {
    if (!published.test(relative(folder, path)) || statSync(path).size > largest) continue;
    for (const { rule, value, confidence } of scanner.scan(readFileSync(path)).matches) {
      if (!rules.has(rule.id) || confidence === 'low') continue;
      const digest = publishedDigest(value);
      if (digest !== undefined && !known.has(digest)) found.add(digest);
    }
  }
  for (const digest of found) known.add(digest);
  if (found.size > 0) parts.push(`# ${name}\n${[...found].sort().join('\n')}\n`);
  process.stdout.write(`${name}: ${found.size}\n`);
}
const head =
  '# Made by scripts/published-keys.mjs. SHA-256 of published test keys and tokens, see published-keys.ts.\n';
writeFileSync(target, head + parts.join(''));

function* filesOf(folder) {
  for (const entry of readdirSync(folder, { withFileTypes: true }).sort((a, b) =>
    a.name < b.name ? -1 : 1,
  )) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) yield* filesOf(path);
    else if (entry.isFile()) yield path;
  }
}
