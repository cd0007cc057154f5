import assert from 'node:assert/strict';
import { beforeEach, describe, test } from 'node:test';
import { RefgateError } from '../../src/domain/error.ts';
import type { Recorder } from '../../src/domain/record.ts';
import type { Principal } from '../../src/domain/session.ts';
import { openDirectory } from '../../src/identity/directory.ts';
import { openLedger } from '../../src/record/ledger.ts';
import { openSignIns } from '../../src/web/sign-ins.ts';
import { MemoryStore } from '../support/memory-store.ts';
import { QuietLog } from '../support/quiet-log.ts';

const minute = 60_000;
const hour = 60 * minute;

/** A directory with ada in it, a ledger that can be made to refuse, and a clock. */
async function scene() {
  const time = { now: Date.parse('2026-01-31T10:00:00Z') };
  const ledgerFails = { now: false };
  const [store, log, clock] = [new MemoryStore(), new QuietLog(), () => time.now];
  const ledger = await openLedger({ store, log, clock });
  const recorder: Recorder = {
    append: async (code, data, context) => {
      if (ledgerFails.now) throw new RefgateError('LEDGER_UNAVAILABLE', 'refgate');
      return ledger.append(code, data, context);
    },
  };
  const directory = await openDirectory({ store, recorder: ledger, clock });
  await directory.addUser({ name: 'ada', kind: 'person', groups: ['dev'], role: 'reviewer' }, 'operator');
  const reopen = () => openSignIns({ store, recorder, directory, log, clock });
  const principal = async (ttl = 72 * hour): Promise<Principal> => {
    const { token } = await directory.createToken('ada', ttl, 'operator');
    const proved = await directory.byBearer(token);
    assert.ok(proved);
    return proved;
  };
  /** The events of sign-ins, in order; why, where they say it. */
  const codes = (): string[] =>
    [...store.rows.entries()]
      .filter(([key]) => key.startsWith('ledger/leaf/'))
      .map(([, row]) => Buffer.from(row).toString())
      .flatMap((leaf) => {
        const [, code, why] = /"code":"web\.(signed-[a-z]+)"(?:.*"why":"([a-z]+)")?/.exec(leaf) ?? [];
        return code === undefined ? [] : [why === undefined ? code : `${code} ${why}`];
      });
  return { store, log, directory, signIns: await reopen(), time, ledgerFails, reopen, principal, codes };
}

describe('sign-ins', () => {
  let at: Awaited<ReturnType<typeof scene>>;
  beforeEach(async () => {
    at = await scene();
  });

  test('a cookie stands for its user as the directory has the user now', async () => {
    const { cookie, csrf, id } = await at.signIns.create(await at.principal(), '127.0.0.1');
    await at.directory.changeUser('ada', { addGroups: ['release'], role: 'user' }, 'operator');
    const found = await at.signIns.find(cookie);
    assert.deepEqual(found?.principal.groups, ['dev', 'release']);
    assert.equal(found?.user.role, 'user');
    assert.deepEqual([found?.csrf, found?.id, found?.renewed], [csrf, id, undefined]);
    assert.match(cookie, /^[A-Za-z0-9_-]{43}$/);
  });

  test('of the cookie only a hash is stored, before and after it changes', async () => {
    const { cookie } = await at.signIns.create(await at.principal(), '127.0.0.1');
    at.time.now += 15 * minute;
    const renewed = (await at.signIns.find(cookie))?.renewed ?? '';
    assert.match(renewed, /^[A-Za-z0-9_-]{43}$/);
    const stored = [...at.store.rows.values()].map((row) => Buffer.from(row).toString()).join('\n');
    assert.ok(!stored.includes(cookie) && !stored.includes(renewed));
  });

  test('what nobody was given stands for nobody', async () => {
    await at.signIns.create(await at.principal(), '127.0.0.1');
    for (const text of ['', 'x', 'A'.repeat(43)]) assert.equal(await at.signIns.find(text), undefined);
  });

  test('after 15 minutes of use the value changes once, and the old one works for a minute more', async () => {
    const { cookie } = await at.signIns.create(await at.principal(), '127.0.0.1');
    at.time.now += 15 * minute - 1;
    assert.equal((await at.signIns.find(cookie))?.renewed, undefined);
    at.time.now += 1;
    const answers = await Promise.all([1, 2, 3].map(() => at.signIns.find(cookie)));
    const values = new Set(answers.map((answer) => answer?.renewed));
    assert.equal(values.size, 1, 'whichever answer the browser gets, it is the same value');
    const [renewed] = values;
    assert.ok(renewed !== undefined && renewed !== cookie);
    at.time.now += minute - 1;
    assert.ok(await at.signIns.find(cookie));
    assert.equal((await at.signIns.find(renewed))?.renewed, undefined);
  });

  test('a value that is used later than a minute after its successor ends the sign-in, and it is recorded', async () => {
    const { cookie } = await at.signIns.create(await at.principal(), '127.0.0.1');
    at.time.now += 20 * minute;
    const renewed = (await at.signIns.find(cookie))?.renewed ?? '';
    at.time.now += minute;
    assert.equal(await at.signIns.find(cookie), undefined);
    assert.equal(await at.signIns.find(renewed), undefined);
    assert.deepEqual(at.codes(), ['signed-in', 'signed-out stolen']);
    assert.match(at.log.lines.join(), /a replaced cookie was used/);
  });

  test('a value of long ago ends it too, after a restart as well', async () => {
    const { cookie } = await at.signIns.create(await at.principal(), '127.0.0.1');
    let value = cookie;
    for (let turn = 0; turn < 3; turn++) {
      at.time.now += 16 * minute;
      value = (await at.signIns.find(value))?.renewed ?? value;
    }
    const again = await at.reopen();
    assert.equal(await again.find(cookie), undefined);
    assert.equal(await again.find(value), undefined);
  });

  test('it ends after 8 hours without use, and what a browser asks by itself is no use', async () => {
    const { cookie, id } = await at.signIns.create(await at.principal(), '127.0.0.1');
    let value = cookie;
    for (let turn = 0; turn < 15; turn++) {
      at.time.now += 32 * minute;
      value = (await at.signIns.find(value, false))?.renewed ?? value;
    }
    assert.equal(await at.signIns.find(value), undefined);
    assert.equal(await at.signIns.holds(id), false);
  });

  test('it ends after 24 hours however much it is used', async () => {
    const { cookie, id } = await at.signIns.create(await at.principal(), '127.0.0.1');
    let value = cookie;
    for (let turn = 0; turn < 47; turn++) {
      at.time.now += 30 * minute;
      const found = await at.signIns.find(value);
      assert.ok(found);
      value = found.renewed ?? value;
    }
    assert.equal(await at.signIns.holds(id), true);
    at.time.now += 30 * minute;
    assert.equal(await at.signIns.find(value), undefined);
    assert.deepEqual(at.signIns.list('ada'), []);
  });

  for (const [what, end] of [
    [
      'the token is revoked',
      (principal: Principal) => at.directory.revokeToken(principal.credential.id, 'operator'),
    ],
    ['the user is disabled', (principal: Principal) => at.directory.disableUser(principal.user, 'operator')],
    [
      'the token runs out',
      async () => {
        at.time.now += hour;
      },
    ],
  ] as const) {
    test(`when ${what} the sign-in has ended, and says so to who listens`, async () => {
      const principal = await at.principal(hour);
      const { cookie, id } = await at.signIns.create(principal, '127.0.0.1');
      const ended: string[] = [];
      at.signIns.onEnd((one) => void ended.push(one));
      await end(principal);
      assert.equal(await at.signIns.find(cookie), undefined);
      assert.equal(await at.signIns.holds(id), false);
      assert.deepEqual(ended, [id]);
      assert.deepEqual(at.codes(), ['signed-in', 'signed-out ended']);
    });
  }

  test('a restart keeps what is alive and forgets what ran out', async () => {
    const old = await at.signIns.create(await at.principal(), '127.0.0.1');
    at.time.now += 7 * hour;
    const young = await at.signIns.create(await at.principal(), '127.0.0.2');
    at.time.now += 2 * hour;
    const again = await at.reopen();
    assert.equal(await again.find(old.cookie), undefined);
    assert.equal((await again.find(young.cookie))?.id, young.id);
    assert.deepEqual(
      again.list('ada').map(({ id }) => id),
      [young.id],
    );
    const rows = [...at.store.rows.keys()].filter((key) => key.startsWith('web!'));
    assert.equal(rows.length, 1);
  });

  test('one can be revoked by its user, and all of them at once', async () => {
    const first = await at.signIns.create(await at.principal(), '127.0.0.1');
    await at.signIns.create(await at.principal(), '127.0.0.2');
    await assert.rejects(at.signIns.revoke(first.id, 'bob', 'bob'), { code: 'NOT_FOUND' });
    await at.signIns.revoke(first.id, 'ada', 'ada');
    await assert.rejects(at.signIns.revoke(first.id, 'ada', 'ada'), { code: 'NOT_FOUND' });
    assert.equal(await at.signIns.find(first.cookie), undefined);
    assert.equal(await at.signIns.revokeAll('ada', 'operator'), 1);
    assert.deepEqual(at.signIns.list('ada'), []);
  });

  test('with very many sign-ins of one user the oldest one ends', async () => {
    const principal = await at.principal();
    const cookies: string[] = [];
    for (let turn = 0; turn < 21; turn++) {
      at.time.now += 1;
      cookies.push((await at.signIns.create(principal, '127.0.0.1')).cookie);
    }
    assert.equal(at.signIns.list('ada').length, 20);
    assert.equal(await at.signIns.find(cookies[0] ?? ''), undefined);
    assert.ok(await at.signIns.find(cookies[1] ?? ''));
  });

  test('when the ledger cannot be written nobody is signed in, and nobody out of the list', async () => {
    const principal = await at.principal();
    const { cookie, id } = await at.signIns.create(principal, '127.0.0.1');
    at.ledgerFails.now = true;
    await assert.rejects(at.signIns.create(principal, '127.0.0.1'), { code: 'LEDGER_UNAVAILABLE' });
    await assert.rejects(at.signIns.revoke(id, 'ada', 'ada'), { code: 'LEDGER_UNAVAILABLE' });
    assert.equal(at.signIns.list('ada').length, 1);
    await at.directory.revokeToken(principal.credential.id, 'operator');
    await assert.rejects(at.signIns.find(cookie), { code: 'LEDGER_UNAVAILABLE' });
  });

  test('closing ends what listens and no sign-in', async () => {
    const { cookie, id } = await at.signIns.create(await at.principal(), '127.0.0.1');
    const ended: string[] = [];
    at.signIns.onEnd((one) => void ended.push(one));
    at.signIns.close();
    assert.deepEqual(ended, [id]);
    assert.ok(await (await at.reopen()).find(cookie));
  });
});
