/**
 * Attack: text that acts on the terminal of whoever reads it.
 * 1. A client puts escapes, carriage returns, C1 controls and bidi controls into everything that it may write:
 *    ref names, push options, its agent's name, ref prefixes, wants. So does the hook of an upstream repository.
 * 2. An operator copies such characters into what a rule says.
 * 3. Somebody reads: the pusher on git's terminal, an operator `session list`, `session show` and the log.
 * Each of them sees marks in their place; the ledger keeps what was said, and JSON for machines gives it back whole.
 */
import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import { admin, endsWithFile, eventsOf, find, lastPush, sessionsOf, writeHook } from '../fault/scene.ts';
import { git, runGit } from '../support/git.ts';
import { makeRepo } from '../support/repos.ts';
import { bandsOf, emptyPack, laySiege, pushBody, type Siege, v2Body, zero } from './siege.ts';

const file = endsWithFile();
const c1 = '\u009b31mred';
const bidi = '\u202egnp.exe\u2066';
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
const acts = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2066-\u2069]/;

describe('what is shown of a session', () => {
  let siege: Siege;
  let tip = '';
  before(async () => {
    siege = await laySiege(file, {
      access: [{ who: { group: 'dev' }, repo: 'acme/*', may: ['read', 'write'], pushOptions: ['**'] }],
      denials: [{ name: 'kept', when: { ref: 'refs/heads/kept' }, say: `ask ${bidi} the owner` }],
    });
    await makeRepo(siege.gitDir('web'), 'linear', { count: 2 });
    tip = await git(['rev-parse', 'main'], { cwd: siege.gitDir('web') });
    await git(['config', 'receive.advertisePushOptions', 'true'], { cwd: siege.gitDir('web') });
  });

  async function shown(session: string): Promise<void> {
    for (const args of [
      ['session', 'show', session],
      ['session', 'show', session, '--json'],
      ['session', 'list'],
    ]) {
      const text = await siege.refgate.ok(args);
      assert.doesNotMatch(text, acts, args.join(' '));
    }
    assert.doesNotMatch(siege.refgate.log(), acts);
  }

  const push = (body: Buffer) => siege.ask({ repo: 'acme/web', service: 'receive-pack', body });

  test('push options and the agent’s name', async () => {
    const option = `ci.skip ${c1}${bidi}`;
    const body = Buffer.concat([
      pushBody(
        [`${zero} ${tip} refs/heads/options`],
        Buffer.alloc(0),
        ` push-options agent=git/${c1}${bidi}`,
      ),
      Buffer.from(`${(Buffer.byteLength(option) + 4).toString(16).padStart(4, '0')}${option}0000`),
      emptyPack,
    ]);
    await push(body);
    const events = await lastPush(siege.refgate, 'web');
    assert.deepEqual(find(events, 'push.requested')?.data.pushOptions, [option]);
    const session = events[0]?.session ?? '';
    await shown(session);
    const json = JSON.parse(await siege.refgate.ok(['session', 'show', session, '--json']));
    assert.deepEqual(json, events);
  });

  for (const [what, name] of [
    ['C1 controls', c1],
    ['bidi controls', bidi],
    ['a line separator', 'a\u2028b'],
  ] as const) {
    test(`ref names with ${what}`, async () => {
      await push(pushBody([`${zero} ${tip} refs/heads/${name}`], emptyPack));
      const [newest] = await sessionsOf(siege.refgate, 'web');
      assert.equal(newest?.outcome, 'refused');
      await shown(newest?.id ?? '');
    });
  }

  test('ref prefixes', async () => {
    const body = v2Body('ls-refs', [`ref-prefix refs/${c1}${bidi}`]);
    await siege.ask({ repo: 'acme/web', service: 'upload-pack', body, version: 'version=2' });
    const [newest] = await sessionsOf(siege.refgate, 'web');
    assert.ok(find(await eventsOf(siege.refgate, newest?.id ?? ''), 'fetch.requested'));
    await shown(newest?.id ?? '');
  });

  test('what a rule says', async () => {
    for (const say of ['a\r\nb', 'a\u001b[2J', c1]) {
      const text = JSON.stringify({ access: [], rules: [{ name: 'kept', when: {}, say }] });
      const checked = admin(siege.refgate, 'POST', '/policy/check', { text, file: 'p.yaml' });
      await assert.rejects(checked, /one line of text/, say);
    }
    const answer = await push(pushBody([`${zero} ${tip} refs/heads/kept`], emptyPack));
    const said = Buffer.from(bandsOf(answer.body)[2], 'latin1').toString();
    assert.match(said, /ask \?gnp\.exe\? the owner/);
    assert.doesNotMatch(said, acts);
    await shown((await lastPush(siege.refgate, 'web'))[0]?.session ?? '');
  });

  test('what a hook of the upstream says', async () => {
    const script = `printf 'a\\033[2Jb\\302\\233cd\\010\\007e\\n' >&2\necho '\u001b[31m' >&2\nexit 1`;
    writeHook(siege.gitDir('web'), 'pre-receive', script);
    const clone = `${siege.dir}/hooked`;
    await git(['clone', '--quiet', await siege.url('web'), clone]);
    await git(['commit', '--quiet', '--allow-empty', '-m', 'x'], { cwd: clone });
    const run = await runGit(['push', 'origin', 'HEAD:refs/heads/hooked'], { cwd: clone });
    assert.equal(run.status, 1);
    assert.match(run.stderr, /remote: a\?\[2Jb\?+cd\?\?e/);
    assert.doesNotMatch(run.stderr.replaceAll('\u001b[K', '').replaceAll('\n', ''), acts);
    await shown((await lastPush(siege.refgate, 'web'))[0]?.session ?? '');
  });
});
