/**
 * `npm start`: on a fresh clone installs and builds, then serves ./refgate.yaml,
 * or runs the demo where there is none. Arguments after `--` go to the command.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { build, fail, install, requireTools, root } from './prepare.mjs';

requireTools();
install();
build();

const bin = join(root, 'bin', 'refgate.js');
if (!existsSync(bin)) fail('bin/refgate.js is missing; restore it from git');
const args = process.argv.slice(2);
const configured = existsSync('refgate.yaml') || args.some((arg) => /^--config(=|$)/.test(arg));

// In this process, not in a child: signals, stdin and the exit status then need no passing on.
process.argv = [process.execPath, bin, configured ? 'serve' : 'demo', ...args];
await import(pathToFileURL(bin).href);
