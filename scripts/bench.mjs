/** `npm run bench -- NAME ARGS...`: builds, then runs bench/NAME.ts (transport when not said). */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { build, fail, install, requireTools, root } from './prepare.mjs';

requireTools();
install();
build();
const [name = 'transport', ...args] = process.argv.slice(2);
const file = join(root, 'dist', 'bench', `${name}.js`);
if (!existsSync(file)) fail(`bench/${name}.ts does not exist`);
process.argv = [process.execPath, file, ...args];
await import(pathToFileURL(file).href);
