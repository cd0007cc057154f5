/**
 * `node scripts/copy-rules.mjs OUTDIR`: puts the files of secret rules beside the compiled code in OUTDIR, because tsc
 * copies none. `npm run build` does it for dist. Files whose source is gone are removed. Uses nothing but Node.
 */
import { copyFileSync, mkdirSync, readdirSync, realpathSync, rmSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const folder = join('src', 'inspect', 'secrets', 'rules');

const rulesIn = (path) => readdirSync(path).filter((name) => name.endsWith('.toml'));

/** Every file of rules, relative to the root, sorted. */
export function listRules() {
  return rulesIn(join(root, folder))
    .map((name) => `${folder.split('\\').join('/')}/${name}`)
    .sort();
}

/** Copies them all into the folder of a build. */
export function copyRules(outDir) {
  const from = join(root, folder);
  const to = join(outDir, folder);
  mkdirSync(to, { recursive: true });
  const names = rulesIn(from);
  for (const name of rulesIn(to)) {
    if (!names.includes(name)) rmSync(join(to, name), { force: true });
  }
  for (const name of names) copyFileSync(join(from, name), join(to, name));
}

if (process.argv[1] !== undefined && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) {
  const [outDir] = process.argv.slice(2);
  if (outDir === undefined) {
    process.stderr.write('usage: node scripts/copy-rules.mjs OUTDIR\n');
    process.exit(2);
  }
  copyRules(resolve(outDir));
}
