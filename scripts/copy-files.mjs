/**
 * `node scripts/copy-files.mjs OUTDIR`: puts the files that the compiled code in OUTDIR reads, and tsc does not copy, beside
 * it: rules of secrets, and what browsers load. `npm run build` does it for dist. Files whose source is gone are removed.
 * Uses nothing but Node.
 */
import { copyFileSync, existsSync, mkdirSync, readdirSync, realpathSync, rmSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const folders = [
  { folder: 'src/inspect/secrets/rules', ending: /\.(toml|txt)$/ },
  { folder: 'src/web/assets', ending: /\.(css|js|svg)$/ },
];

const filesIn = (path, ending) =>
  existsSync(path) ? readdirSync(path).filter((name) => ending.test(name)) : [];

/** Every file that is copied, relative to the root, sorted. */
export function listFiles() {
  return folders
    .flatMap(({ folder, ending }) => filesIn(join(root, folder), ending).map((name) => `${folder}/${name}`))
    .sort();
}

/** Copies them all into the folder of a build. */
export function copyFiles(outDir) {
  for (const { folder, ending } of folders) {
    const from = join(root, folder);
    const to = join(outDir, folder);
    mkdirSync(to, { recursive: true });
    const names = filesIn(from, ending);
    for (const name of filesIn(to, ending)) {
      if (!names.includes(name)) rmSync(join(to, name), { force: true });
    }
    for (const name of names) copyFileSync(join(from, name), join(to, name));
  }
}

if (process.argv[1] !== undefined && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) {
  const [outDir] = process.argv.slice(2);
  if (outDir === undefined) {
    process.stderr.write('usage: node scripts/copy-files.mjs OUTDIR\n');
    process.exit(2);
  }
  copyFiles(resolve(outDir));
}
