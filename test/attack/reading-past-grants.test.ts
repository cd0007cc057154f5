/**
 * Attack: to read what no grant shows.
 * 1. rob may read acme/web and nothing else; acme/vault lies beside it on the same upstream. wes may push to
 *    acme/web and not read it; eve may do nothing.
 * 2. rob asks acme/web for a commit of acme/vault by its oid, in v0 and in v2.
 * 3. They ask for what was not advertised: object-info, bundle-uri, packfile-uris, session-id tricks, or another
 *    command in disguise, through both doors.
 * 4. wes and eve ask for refs and packs, or push something to learn what is there.
 * Nobody gets an object or a name that the policy does not show, and a repository that is hidden answers as
 * one that does not exist.
 */
import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import { encodePkt, flushPkt } from '../../src/git/pkt-line.ts';
import { endsWithFile } from '../fault/scene.ts';
import { git, runGit } from '../support/git.ts';
import { fastImport, makeRepo } from '../support/repos.ts';
import { emptyPack, laySiege, type Person, pushBody, type Siege, v2Body, zero } from './siege.ts';

const file = endsWithFile();
const may = (group: string, repo: string, ...actions: string[]) => ({ who: { group }, repo, may: actions });

describe('somebody without a grant', () => {
  let siege: Siege;
  let secret = '';
  let tip = '';
  before(async () => {
    siege = await laySiege(file, {
      access: [
        may('dev', 'acme/*', 'read', 'write'),
        may('readers', 'acme/web', 'read'),
        may('writers', 'acme/web', 'write'),
      ],
    });
    await makeRepo(siege.gitDir('web'), 'linear', { count: 3 });
    await makeRepo(siege.gitDir('vault'), 'merges', { count: 2 });
    const data = 'data 7\nsecret\n\n';
    const commit = `commit refs/heads/hidden\ncommitter A <a@example.com> 1 +0000\n${data}`;
    await fastImport(siege.gitDir('vault'), commit);
    secret = await git(['rev-parse', 'hidden'], { cwd: siege.gitDir('vault') });
    tip = await git(['rev-parse', 'main'], { cwd: siege.gitDir('web') });
  });

  const v0 = (oid: string): Buffer =>
    Buffer.concat([encodePkt(`want ${oid} side-band-64k ofs-delta\n`), flushPkt, encodePkt('done\n')]);
  const wants = (oid: string) => v2Body('fetch', [`want ${oid}`, 'done']);
  const upload = (person: Person, repo: string, body: Buffer, version = 'version=2') =>
    siege.ask({ person, repo, service: 'upload-pack', body, version });

  test('an oid of another repository gives nothing, as does one that is nowhere', async () => {
    for (const oid of [secret, '1'.repeat(40)]) {
      for (const answer of [
        await upload('rob', 'acme/web', wants(oid)),
        await upload('rob', 'acme/web', v0(oid), 'version=0'),
      ]) {
        assert.doesNotMatch(answer.text, /PACK/);
        if (answer.status === 200) assert.match(answer.text, /ERR /);
      }
    }
    assert.match((await upload('rob', 'acme/web', wants(tip))).text, /PACK/);
  });

  for (const [command, args] of [
    ['object-info', ['size', `oid ${'1'.repeat(40)}`]],
    ['bundle-uri', []],
    ['fetch\0ls-refs', []],
    ['FETCH', [`want ${'1'.repeat(40)}`, 'done']],
    ['upload-archive', []],
    ['fetch', [`want ${'1'.repeat(40)}`, 'packfile-uris https', 'done']],
    ['fetch', ['want-ref refs/heads/main', 'done']],
    ['fetch', [`want ${'1'.repeat(40)}`, 'sideband-all', 'done']],
    ['ls-refs', ['ref-prefix refs/', 'hidden']],
  ] as const) {
    test(`the command ${JSON.stringify([command, ...args].join(' '))} is not served`, async () => {
      const answer = await upload('rob', 'acme/web', v2Body(command, args));
      assert.equal(answer.status, 400, answer.text);
    });
  }

  test('nothing of that is advertised', async () => {
    const answer = await siege.ask({
      person: 'rob',
      repo: 'acme/web',
      service: 'upload-pack',
      version: 'version=2',
    });
    assert.equal(answer.status, 200);
    assert.doesNotMatch(answer.text, /object-info|uri|server-option|session-id|sideband-all|ref-in-want/);
  });

  for (const [person, repo, status] of [
    ['eve', 'acme/web', 404],
    ['eve', 'acme/nothing', 404],
    ['rob', 'acme/vault', 404],
    ['wes', 'acme/vault', 404],
    ['wes', 'acme/web', 403],
  ] as const) {
    test(`${person} is not served ${repo}, however it is asked for`, async () => {
      const hidden = repo.replace('acme/', '');
      const oid = hidden === 'vault' ? secret : tip;
      const answers = [
        await upload(person, repo, wants(oid)),
        await upload(person, repo, v2Body('ls-refs', [])),
        await upload(person, repo, v0(oid), 'version=0'),
        await siege.ask({ person, repo, service: 'upload-pack' }),
      ];
      for (const answer of answers) {
        assert.equal(answer.status, status, answer.text);
        assert.doesNotMatch(answer.text, /PACK|refs\/|[0-9a-f]{40}/);
      }
      assert.equal(new Set(answers.map((answer) => answer.text)).size, 1);
      const { key } = await siege.login(person);
      const overSsh = await runGit(['ls-remote', siege.sshUrl(hidden)], { env: key.env });
      assert.notEqual(overSsh.status, 0);
      assert.equal(overSsh.stdout, '');
    });
  }

  test('whoever only reads does not push, and hears it before sending anything', async () => {
    const line = `${zero} ${tip} refs/heads/new`;
    const answer = await siege.ask({
      person: 'rob',
      repo: 'acme/web',
      service: 'receive-pack',
      body: pushBody([line], emptyPack),
    });
    assert.equal(answer.status, 403);
    assert.equal((await siege.ask({ person: 'rob', repo: 'acme/web', service: 'receive-pack' })).status, 403);
  });

  test('a push that points to an object of another repository is refused', async () => {
    const body = pushBody([`${zero} ${secret} refs/heads/taken`], emptyPack);
    const answer = await siege.ask({ person: 'wes', repo: 'acme/web', service: 'receive-pack', body });
    assert.match(answer.text, /ng refs\/heads\/taken refused: PACK_MISSING_OBJECT/);
  });
});
