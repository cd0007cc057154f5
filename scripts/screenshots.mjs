/**
 * `npm run screenshots`: makes the pictures of docs/screenshots from the build
 * in dist/, with Debian's chromium. Arguments are names of pictures, such as `inbox`; without any, all are made.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fail, root } from './prepare.mjs';

const built = join(root, process.env.REFGATE_BUILD ?? 'dist', 'test', 'support', 'take-screenshots.js');
if (!existsSync(built)) fail('dist/ is not built; run npm run build first');
if (!existsSync('/usr/bin/chromium')) fail('/usr/bin/chromium is missing; install the package chromium');
const { takeScreenshots } = await import(built);
await takeScreenshots(join(root, 'docs', 'screenshots'), process.argv.slice(2));
