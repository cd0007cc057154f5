/**
 * Attack: an event that the ledger cannot write, so that it writes nothing for anybody any more.
 * 1. After a write that failed the ledger refuses everything, and with it every push: so it should.
 * 2. Mallory looks for something that she can say and that makes a write fail: names that are not UTF-8, halves of
 *    surrogate pairs, where text is cut, very long lists of wants, prefixes and push options, very long names.
 * 3. Each push and each fetch of everybody else would then be refused, until an operator comes.
 * Whatever a client says is refused for that client alone; the next session is recorded, and the ledger is whole.
 */
import assert from 'node:assert/strict';
import { afterEach, before, describe, test } from 'node:test';
import { encodePkt, flushPkt } from '../../src/git/pkt-line.ts';
import { endsWithFile, lastPush, sessionsOf, verifyLedger } from '../fault/scene.ts';
import { git } from '../support/git.ts';
import { makeRepo } from '../support/repos.ts';
import { emptyPack, laySiege, pushBody, type Siege, v2Body, zero } from './siege.ts';

const file = endsWithFile();

describe('what a client says', () => {
  let siege: Siege;
  let tip = '';
  let serial = 0;
  before(async () => {
    siege = await laySiege(file, {
      access: [{ who: { group: 'dev' }, repo: 'acme/*', may: ['read', 'write'], pushOptions: ['**'] }],
    });
    await makeRepo(siege.gitDir('web'), 'linear', { count: 2 });
    await git(['config', 'receive.advertisePushOptions', 'true'], { cwd: siege.gitDir('web') });
    tip = await git(['rev-parse', 'main'], { cwd: siege.gitDir('web') });
  });

  /** Every session so far is closed, and another push goes through and is in the ledger. */
  afterEach(async () => {
    const body = pushBody([`${zero} ${tip} refs/heads/after-${++serial}`], emptyPack);
    const answer = await push(body);
    assert.match(answer.text, new RegExp(`ok refs/heads/after-${serial}`));
    assert.ok((await lastPush(siege.refgate, 'web')).some((event) => event.code === 'push.reported'));
    for (const row of await sessionsOf(siege.refgate, 'web')) assert.ok(row.outcome, row.id);
    await verifyLedger(siege.refgate);
  });

  const push = (body: Buffer) => siege.ask({ repo: 'acme/web', service: 'receive-pack', body });
  const fetch2 = (body: Buffer) =>
    siege.ask({ repo: 'acme/web', service: 'upload-pack', body, version: 'version=2' });

  for (const [what, name] of [
    ['is not UTF-8', Buffer.from([0x66, 0xff, 0xfe])],
    ['is half of a surrogate pair', Buffer.from([0xed, 0xa0, 0x80])],
    ['is as long as a line', Buffer.alloc(65_000, 0x61)],
    ['is of characters beyond the basic plane', Buffer.from('\u{1f600}'.repeat(16_000))],
    ['holds NUL', Buffer.from('a\0b\0c')],
  ] as const) {
    test(`a ref name that ${what} closes no ledger`, async () => {
      const line = Buffer.concat([
        Buffer.from(`${zero} ${tip} refs/heads/`),
        name,
        Buffer.from('\0 report-status side-band-64k'),
      ]);
      await push(Buffer.concat([encodePkt(line.subarray(0, 65_516)), flushPkt, emptyPack]));
    });

    test(`a ref prefix, an agent’s name and a capability that ${what} close no ledger`, async () => {
      await fetch2(
        Buffer.concat([
          encodePkt('command=ls-refs'),
          encodePkt(Buffer.concat([Buffer.from('agent='), name]).subarray(0, 65_516)),
          Buffer.from('0001'),
          encodePkt(Buffer.concat([Buffer.from('ref-prefix '), name]).subarray(0, 65_516)),
          flushPkt,
        ]),
      );
      const line = Buffer.concat([
        Buffer.from(`${zero} ${tip} refs/heads/x${++serial}\0 report-status agent=`),
        name,
      ]);
      await push(Buffer.concat([encodePkt(line.subarray(0, 65_516)), flushPkt, emptyPack]));
    });

    test(`a push option that ${what} closes no ledger`, async () => {
      const options = Array.from({ length: 3 }, () => encodePkt(name.subarray(0, 65_516)));
      const head = pushBody([`${zero} ${tip} refs/heads/o${++serial}`], Buffer.alloc(0), ' push-options');
      await push(Buffer.concat([head, ...options, flushPkt, emptyPack]));
    });
  }

  test('fifty thousand wants, prefixes and exclusions close no ledger', async () => {
    const many = Array.from({ length: 50_000 }, (_, n) => n.toString(16).padStart(40, '0'));
    await fetch2(v2Body('fetch', [...many.map((oid) => `want ${oid}`), 'done']));
    await fetch2(
      v2Body('fetch', [`want ${tip}`, ...many.map((oid) => `deepen-not refs/heads/${oid}`), 'done']),
    );
    const answer = await fetch2(
      v2Body(
        'ls-refs',
        many.map((oid) => `ref-prefix refs/${oid}`),
      ),
    );
    assert.equal(answer.status, 200);
  });

  test('a thousand long names in one push close no ledger', async () => {
    const name = (n: number) => `refs/heads/${`${'\u{1f600}'.repeat(60)}/`.repeat(4)}${n}`;
    const lines = Array.from({ length: 1_000 }, (_, n) => `${zero} ${'1'.repeat(40)} ${name(n)}`);
    await push(pushBody(lines, emptyPack));
  });
});
