/**
 * Attack: to have a secret accepted that nobody accepted.
 * 1. Mallory writes `refgate:allow` where the policy does not permit it, or on another line, or in another file.
 * 2. Or counts on a line of the policy whose last day is over, or that names another path, rule or fingerprint.
 * 3. Or has it accepted in the baseline of her own repository, and pushes it to another one.
 * 4. Or floods the scanner with 100,000 findings, so that nobody reads on to the one that counts.
 * Each is refused in few words, and the server goes on with the memory that it had.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { before, describe, test } from 'node:test';
import { checks } from '../../src/inspect/secrets/checks/index.ts';
import { seededRandom } from '../../src/inspect/secrets/rules/token-sample.ts';
import { endsWithFile } from '../fault/scene.ts';
import { dataOf } from '../scenario/pushing.ts';
import { git, initBare } from '../support/git.ts';
import { data, fastImport } from '../support/repos.ts';
import { type Hiding, hide, noSecrets, token } from './hiding.ts';
import { type MadeFile, pushOfFiles } from './hiding-packs.ts';

const file = endsWithFile();
const mark = ['refgate', 'allow'].join(':');
const mib = 1024 * 1024;

describe('a secret that nobody accepted', () => {
  let hiding: Hiding;
  let count = 0;
  before(async () => {
    hiding = await hide(file);
    for (const name of ['web', 'one', 'two']) await initBare(hiding.bastion.gitDir(name));
  });

  /** Pushes each file as a branch of its own, and gives the rules that spoke about it. */
  async function rulesOf(
    files: Readonly<Record<string, MadeFile>>,
    repo = 'web',
  ): Promise<Readonly<Record<string, readonly string[]>>> {
    count++;
    const named = Object.entries(files).map(([ref, made]) => [`${ref}-${count}`, made] as const);
    await hiding.send(repo, pushOfFiles(Object.fromEntries(named)).body);
    const fates = await hiding.fates(repo);
    return Object.fromEntries(
      Object.keys(files).map((ref) => [ref, fates[`${ref}-${count}`]?.rules ?? ['?']]),
    );
  }

  const commented: Readonly<Record<string, MadeFile>> = {
    same: { path: 'a.txt', content: `${token(1)} # ${mark}\n` },
  };
  const elsewhere: Readonly<Record<string, MadeFile>> = {
    before: { path: 'a.txt', content: `# ${mark}\n${token(2)}\n` },
    after: { path: 'a.txt', content: `${token(3)}\n# ${mark}\n` },
    message: { path: 'a.txt', content: `${token(4)}\n`, message: `m ${mark}\n` },
    path: { path: `${mark}/a.txt`, content: `${token(5)}\n` },
  };

  test('a comment counts only where the policy says so, and on the line of the secret', async () => {
    assert.deepEqual(await rulesOf(commented), { same: ['no-secrets'] });
    await hiding.policy({ secrets: { allowComments: true } });
    assert.deepEqual(await rulesOf(commented), { same: [] });
    const refused = Object.fromEntries(Object.keys(elsewhere).map((ref) => [ref, ['no-secrets']]));
    assert.deepEqual(await rulesOf(elsewhere), refused);
  });

  test('a line of the policy counts until its last day, for what it names', async () => {
    const pushed = { a: { path: 'samples/a.txt', content: `${token(6)}\n` } };
    await hiding.policy({});
    assert.deepEqual(await rulesOf(pushed), { a: ['no-secrets'] });
    const [inspected] = dataOf(await hiding.events('web'), 'push.inspected');
    const fingerprint = inspected?.findings?.[0]?.fingerprint ?? '';
    assert.match(fingerprint, /^[0-9a-f]{32}$/);
    const other = `${fingerprint.startsWith('0') ? '1' : '0'}${fingerprint.slice(1)}`;
    const until = new Date(Date.now() - 2 * 86_400_000).toISOString().slice(0, 10);
    const lines = [
      { fingerprint, until },
      { path: 'samples/**', until },
      { fingerprint: other },
      { path: 'Samples/**' },
      { path: 'samples/**', rule: 'aws-*' },
    ];
    const right = { fingerprint, path: 'samples/**', until: '2999-12-31' };
    for (const [allow, rules] of [
      [lines, ['no-secrets']],
      [[right], []],
    ] as const) {
      await hiding.policy({ secrets: { allow: allow.map((line) => ({ ...line, reason: 'a sample' })) } });
      assert.deepEqual(await rulesOf(pushed), { a: rules });
    }
  });

  test('the baseline of one repository accepts nothing in another', async () => {
    await hiding.policy({});
    const content = `${token(7)}\n`;
    const held = `commit refs/heads/main\ncommitter A <a@example.com> 1700000000 +0000\n${data('m')}M 100644 inline a.txt\n${data(content)}\n`;
    await fastImport(hiding.bastion.gitDir('one'), held);
    const args = ['secret', 'baseline', 'path/one', '--write', '--reason', 'rotated'];
    assert.match(await hiding.bastion.refgate.ok(args), /github-pat/);
    const again = { b: { path: 'b.txt', content } };
    assert.deepEqual(await rulesOf(again, 'one'), { b: [] });
    assert.deepEqual(await rulesOf(again, 'two'), { b: ['no-secrets'] });
  });

  test('100,000 findings are refused in few words, in bounded memory, with the last one among them', async () => {
    await hiding.policy({
      rules: [noSecrets],
      secrets: { allow: [{ path: 'samples/**', reason: 'made up' }] },
    });
    const complete = checks['github-crc32']?.complete;
    assert.ok(complete !== undefined);
    const random = seededRandom(1);
    const line = (n: number): string =>
      `${complete(`${token(0).slice(0, 4)}${String(n).padStart(30, 'aB3')}${'0'.repeat(6)}`, random)}\n`;
    const { source } = await hiding.story('flood', [{ name: 'base' }]);
    let stream = `commit refs/heads/flood\ncommitter A <a@example.com> 1700000001 +0000\n${data('m')}from refs/heads/base\n`;
    for (let part = 0; part < 200; part++) {
      const lines = Array.from({ length: 500 }, (_, n) => line(part * 500 + n)).join('');
      stream += `M 100644 inline samples/${part}.txt\n${data(lines)}`;
    }
    stream += `M 100644 inline z.txt\n${data(`${token(8)}\n`)}\n`;
    await fastImport(source, stream);
    const run = await hiding.push('flood', ['refs/heads/flood'], 'ssh');
    assert.match(run.stderr, /\[remote rejected\] flood/);
    const said = run.stderr.split('\n').filter((one) => one.startsWith('remote:'));
    assert.ok(said.length < 20, run.stderr);
    assert.match(run.stderr, /more findings are not listed|in z\.txt:1/);
    assert.equal(
      await git(['for-each-ref', 'refs/heads/flood'], { cwd: hiding.bastion.gitDir('flood') }),
      '',
    );
    const status = readFileSync(`/proc/${hiding.bastion.refgate.pid}/status`, 'latin1');
    const peak = Number(/VmHWM:\s+(\d+) kB/.exec(status)?.[1]) * 1024;
    assert.ok(peak < 600 * mib, `${Math.round(peak / mib)} MiB`);
    assert.equal((await hiding.push('flood', ['base:refs/heads/fine'])).status, 0);
  });
});
