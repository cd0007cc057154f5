import assert from 'node:assert/strict';
import { before, beforeEach, describe, test } from 'node:test';
import { RefgateError } from '../../src/domain/error.ts';
import { type GitRun, runCommand, tempDir } from '../support/git.ts';
import { outDir } from '../support/refgate.ts';
import { samplePreview } from '../support/sample-masking.ts';
import { suiteCleanup } from '../support/suite.ts';
import { startSite, type WebSite } from '../support/web-site.ts';

const main = `${outDir}/src/cli/main.js`;

describe('refgate mask and refgate oid', () => {
  const t = suiteCleanup();
  let site: WebSite;
  let dir: string;
  before(async () => {
    dir = tempDir(t, 'mask');
    site = await startSite(t);
  });
  beforeEach(() => {
    site.mask.states.clear();
    site.mask.values = [];
    site.mask.previewed = samplePreview();
    site.mask.refuse = undefined;
    site.mask.translations = [];
  });

  const run = (...args: readonly string[]): Promise<GitRun> =>
    runCommand(process.execPath, [main, ...args], {
      cwd: dir,
      env: {
        PATH: process.env['PATH'],
        HOME: dir,
        REFGATE_URL: site.url,
        REFGATE_TOKEN: site.tokens.admin,
      },
    });
  const ok = async (...args: readonly string[]): Promise<string> => {
    const { status, stdout, stderr } = await run(...args);
    assert.equal(status, 0, stderr);
    return stdout;
  };

  test('a preview says in one sentence what would change, then each value, then what to do', async () => {
    const text = await ok('mask', 'preview', 'acme/web');
    assert.match(
      text,
      /^acme\/web: 1 value would change 11 of 15 commits \(73 %\)\n\nRULE +CONFIDENCE +SAMPLE /,
    );
    assert.match(text, /url-password +medium +hunt\*\*\* +11 +2 +docs\/install\.md @ e{12} +f{32} +-\n/);
    assert.match(text, /refgate mask allow FINGERPRINT --repo acme\/web --reason "why"\n/);
    assert.match(text, /refgate mask enable acme\/web\n$/);
    assert.equal(await ok('mask', 'preview', 'acme/web', '--last'), text);
    const json = JSON.parse(await ok('mask', 'preview', 'acme/web', '--json')) as { says: string };
    assert.match(json.says, /would change/);
  });

  test('a preview of what is enabled already does not say to enable it, and what was allowed since is told', async () => {
    site.mask.set('acme/web', { state: 'ready', enabled: true });
    await ok('mask', 'allow', 'f'.repeat(32), '--repo', 'acme/web', '--reason', 'an example');
    const text = await ok('mask', 'preview', 'acme/web', '--last');
    assert.doesNotMatch(text, /mask enable/);
    assert.match(text, /Readers get a view already/);
    site.mask.previewed = { ...site.mask.previewed, scannedAt: '2026-02-01T10:00:00.000Z' };
    assert.match(
      await ok('mask', 'preview', 'acme/web', '--last'),
      /counted before some values were allowed; anew: refgate mask preview acme\/web/,
    );
  });

  test('where nothing is found, the preview says that nothing is to be done', async () => {
    site.mask.previewed = samplePreview({ values: [], valueCount: 0, changedCommits: 0 });
    const text = await ok('mask', 'preview', 'acme/web');
    assert.match(text, /0 values would change 0 of 15 commits \(0 %\)/);
    assert.match(text, /clients get the repository as it is/);
  });

  test('a value is shown in clear, listed, and masked again', async () => {
    const fingerprint = 'f'.repeat(32);
    const allow = ['mask', 'allow', fingerprint, '--repo', 'acme/web'];
    assert.equal((await run(...allow)).status, 2);
    assert.match(await ok(...allow, '--reason', 'an example'), /is shown in clear in acme\/web\n$/);
    assert.match(await ok('mask', 'allowed'), /f{32} +acme\/web +2026\S+ +admin +an example\n/);
    assert.match(
      await ok('mask', 'disallow', fingerprint, '--repo', 'acme/web'),
      /masked again in acme\/web/,
    );
    const gone = await run('mask', 'disallow', fingerprint);
    assert.equal(gone.status, 1);
    assert.match(gone.stderr, /^refgate: f{32} is not allowed\n$/);
  });

  test('enable follows the build with --wait, and goes on by itself without', async () => {
    site.mask.looks = 1;
    assert.match(await ok('mask', 'enable', 'acme/web', '--wait'), /^acme\/web {2}ready\n/);
    assert.match(await ok('mask', 'rebuild', 'acme/web'), /progress +rewrite: 3 of 15 commits \(20 %\)/);
    assert.match(await ok('mask', 'stop', 'acme/web'), /next +refgate mask resume acme\/web\n/);
    await ok('mask', 'resume', 'acme/web');
    assert.match(await ok('mask', 'status'), /^REPO +STATE +ENABLED .*\nacme\/web +building +yes/);
    const one = JSON.parse(await ok('mask', 'status', 'acme/web', '--json')) as { state: string };
    assert.equal(one.state, 'ready');
    assert.match(await ok('mask', 'disable', 'acme/web'), /enabled +no/);
  });

  test('what cannot be done is one line with status 1', async () => {
    site.mask.refuse = new RefgateError('CONFLICT', 'client', 'preview it first');
    const refused = await run('mask', 'enable', 'acme/web');
    assert.deepEqual([refused.status, refused.stderr], [1, 'refgate: preview it first\n']);
    const lost = await run('mask', 'preview', 'other/web');
    assert.deepEqual([lost.status, lost.stderr], [1, 'refgate: other/web: no line of repos: matches it\n']);
  });

  test('an oid is told with its other side, and one that is unknown with status 1', async () => {
    const [view, original] = ['ab'.repeat(20), 'cd'.repeat(20)];
    site.mask.translations = [{ repo: 'acme/web', type: 'commit', view, original, asked: 'view' }];
    const text = await ok('oid', view.slice(0, 12));
    assert.equal(text.split('\n')[1], `acme/web  commit  view   ${view}  ${original}`);
    assert.equal((await run('oid', 'ffffffff', '--repo', 'acme/web')).status, 1);
    assert.equal((await run('oid', 'main')).status, 2);
  });

  test('every command has help with an example', async () => {
    for (const verb of 'preview allow allowed disallow enable disable rebuild stop resume status'.split(' '))
      assert.match(await ok('mask', verb, '--help'), /Example:\n {2}\$ refgate mask /, verb);
    assert.match(await ok('oid', '--help'), /Example:\n {2}\$ refgate oid /);
  });
});
