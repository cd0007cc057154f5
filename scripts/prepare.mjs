/**
 * What `npm start` and `npm test` share: they are each the only command on a
 * fresh clone, so they install and build what is missing. Plain JavaScript
 * without dependencies, because nothing is installed yet when this runs.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { copyFiles, listFiles } from './copy-files.mjs';

export const root = dirname(dirname(fileURLToPath(import.meta.url)));
const dist = join(root, 'dist');
const stamp = join(dist, '.stamp.json');
const sourceFolders = ['src', 'test', 'bench'];

/** Ends the process with one line: what is wrong and what to do. */
export function fail(line) {
  process.stderr.write(`refgate: ${line}\n`);
  process.exit(1);
}

/** Ends the process when Node is older than package.json allows, or git is not there. */
export function requireTools() {
  const wanted = readJson(join(root, 'package.json')).engines.node.replace(/[^\d.]/g, '');
  if (olderThan(process.versions.node, wanted)) {
    fail(`Node ${process.versions.node} is too old; install Node ${wanted} or newer (https://nodejs.org)`);
  }
  if (spawnSync('git', ['--version'], { stdio: 'ignore' }).status !== 0) {
    fail('git was not found; install it (on Debian: apt-get install git) and try again');
  }
}

function olderThan(version, wanted) {
  const [a, b] = [version, wanted].map((text) => text.split('.').map(Number));
  for (let i = 0; i < b.length; i++) {
    if (a[i] !== b[i]) return a[i] < b[i];
  }
  return false;
}

/** Runs `npm ci` unless node_modules holds what package-lock.json names. */
export function install() {
  if (installed()) return;
  process.stderr.write('refgate: installing packages (npm ci)\n');
  run('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'], 'npm ci failed; see the lines above');
}

// By content, not by time: a checkout touches files, and `npm ci` under a running server is not harmless.
function installed() {
  const marker = join(root, 'node_modules', '.package-lock.json');
  if (!existsSync(marker)) return false;
  const wanted = readJson(join(root, 'package-lock.json')).packages;
  const present = readJson(marker).packages;
  return Object.entries(wanted).every(
    ([path, entry]) =>
      path === '' || entry.optional || entry.peer || present[path]?.version === entry.version,
  );
}

/** Compiles into dist when a source is newer than the last build, or a source came or went. */
export function build() {
  if (!stale()) return;
  process.stderr.write('refgate: building (tsc)\n');
  compile();
}

function stale() {
  if (!existsSync(stamp)) return true;
  const { sources: built, tools } = readJson(stamp);
  if (tools !== toolVersions()) return true;
  const sources = listSources();
  if (built.join('\n') !== sources.join('\n')) return true;
  const builtAt = statSync(stamp).mtimeMs;
  const inputs = [...sources, ...listFiles(), 'tsconfig.json', 'package.json'];
  return (
    inputs.some((file) => statSync(join(root, file)).mtimeMs > builtAt) ||
    missingOutput(sources) ||
    missingFiles()
  );
}

/** Compiles unconditionally; ends the process when types do not hold. Outputs whose source is gone are removed first. */
export function compile() {
  const sources = listSources();
  if (missingOutput(sources)) rmSync(dist, { recursive: true, force: true });
  mkdirSync(dist, { recursive: true });
  removeOrphans(new Set(sources.map(outputOf)));
  rmSync(stamp, { force: true });
  // Read before tsc runs: a file that is written while it runs is newer than this and makes the next build do its work.
  const startedAt = new Date();
  run(
    process.execPath,
    [
      join(root, 'node_modules/typescript/bin/tsc'),
      ...['-p', 'tsconfig.json', '--incremental', '--tsBuildInfoFile', join(dist, '.tsbuildinfo')],
    ],
    'the build failed; see the lines above',
  );
  copyFiles(dist);
  writeFileSync(stamp, `${JSON.stringify({ builtAt: startedAt, tools: toolVersions(), sources })}\n`);
  if (listSources().some((file) => statSync(join(root, file)).mtime > startedAt))
    rmSync(stamp, { force: true });
}

function missingOutput(sources) {
  return existsSync(join(dist, '.tsbuildinfo')) && sources.some((file) => !existsSync(outputOf(file)));
}

const missingFiles = () => listFiles().some((file) => !existsSync(join(dist, file)));

function removeOrphans(expected) {
  for (const folder of sourceFolders) {
    for (const file of filesUnder(join(dist, folder))) {
      if (!expected.has(file.replace(/\.map$/, ''))) rmSync(file, { force: true });
    }
  }
}

const outputOf = (source) => join(dist, source.replace(/\.tsx?$/, '.js'));

const toolVersions = () => readJson(join(root, 'node_modules/typescript/package.json')).version;

/** Every TypeScript file that is compiled, relative to the root, sorted. */
export function listSources() {
  return sourceFolders
    .flatMap((folder) => filesUnder(join(root, folder)))
    .filter((file) => /\.tsx?$/.test(file) && !file.endsWith('.d.ts'))
    .map((file) => relative(root, file).split('\\').join('/'))
    .sort();
}

/** Every file below a folder, as absolute paths; none when the folder does not exist. */
export function filesUnder(folder) {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return filesUnder(path);
    return entry.isFile() ? [path] : [];
  });
}

/** Runs a command at the root with our stdio; ends the process with `line` when it fails. */
export function run(command, args, line) {
  const status = tryRun(command, args);
  if (status !== 0) fail(line);
}

/** The exit status of a command at the root; 127 when it could not be started. stdout goes to stderr. */
export function tryRun(command, args, options = {}) {
  const child = spawnSync(command, args, { cwd: root, stdio: ['ignore', 2, 2], ...options });
  return child.error ? 127 : (child.status ?? 1);
}

function readJson(file) {
  return JSON.parse(readFileSync(file, 'utf8'));
}
