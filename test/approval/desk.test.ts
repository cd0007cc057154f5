import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { RefgateError } from '../../src/domain/error.ts';
import { asked, newHold, openDesk, principalOf, user } from '../support/approval-desk.ts';

const minute = 60_000;
const never = new AbortController().signal;

const refused = (code: string, text: RegExp) => (error: RefgateError) => {
  assert.equal(error.code, code, error.message);
  assert.match(error.message, text);
  return true;
};

test('a push waits until enough people agree, and is relayed once', async () => {
  const at = await openDesk();
  const { push, how } = await at.desk.enter(newHold({ asks: [asked({ approvals: 2 })] }));
  assert.equal(how, 'opened');
  assert.match(push.id, /^p-[a-hjkmnp-z2-9]{7}$/);
  const heard: string[] = [];
  const settled = at.desk.settled(push.id, never, ({ votes }) => heard.push(`${votes.length} votes`));
  const finished = at.desk.finished(push.id, never);
  assert.equal((await at.approve(push.id, 'bert')).state, 'pending');
  at.time += minute / 2;
  const approved = await at.approve(push.id, 'carl', ' looks right ');
  assert.equal(approved.state, 'approved');
  assert.equal((await settled).state, 'approved');
  assert.deepEqual(heard, ['1 votes', '2 votes']);
  assert.equal(
    Date.parse(approved.deadline),
    at.time + minute,
    'an approval holds as long as it may have taken',
  );
  assert.equal((await at.desk.claim(push.id, 's2'))?.relayedBy, 's2');
  assert.equal(await at.desk.claim(push.id, 's3'), undefined);
  const reports = [{ ref: 'refs/heads/main', ok: true }];
  await at.desk.forwarded(push.id, reports);
  const end = await finished;
  assert.deepEqual(end.reports, reports);
  assert.equal(end.pack?.file, '', 'the pack is no longer named');
  assert.deepEqual(
    end.steps.map(({ state, by }) => `${state} ${by}`),
    ['received anna', 'processing refgate', 'pending refgate', 'approved carl', 'forwarded refgate'],
  );
  assert.deepEqual(await at.events(), [
    'push.held',
    'push.voted',
    'push.voted',
    'push.approved',
    'push.claimed',
    'push.forwarded',
  ]);
  assert.deepEqual(
    at.notices.map(({ type, by }) => `${type} ${by}`),
    ['push.held anna', 'push.approved carl', 'push.forwarded refgate'],
  );
});

test('one vote against rejects, and its reason is told; with `denials: 2` two are needed', async () => {
  const at = await openDesk();
  const { push } = await at.desk.enter(newHold());
  const rejected = await at.deny(push.id, 'bert', 'not on a Friday');
  assert.equal(rejected.state, 'rejected');
  assert.equal(rejected.steps.at(-1)?.text, 'not on a Friday');
  await assert.rejects(
    at.approve(push.id, 'carl'),
    refused('CONFLICT', /was rejected by bert \(not on a Friday\)/),
  );
  const second = await at.desk.enter(newHold({ asks: [asked({ denials: 2, approvals: 2 })] }));
  assert.equal((await at.deny(second.push.id, 'bert')).state, 'pending');
  assert.equal((await at.approve(second.push.id, 'carl')).state, 'pending');
  assert.equal(
    (await at.deny(second.push.id, 'carl')).state,
    'rejected',
    'a later vote replaces the earlier',
  );
});

test('votes that would not count are refused with what to do, and change nothing', async () => {
  const at = await openDesk();
  at.users.set('robot', user('robot', { kind: 'service', owner: 'bert' }));
  at.users.set('anna-2', user('anna-2', { owner: 'anna' }));
  at.users.set('fred', user('fred', { role: 'auditor' }));
  at.users.set('gina', user('gina', { disabled: true }));
  at.users.set('anna', user('anna'));
  const { push } = await at.desk.enter(newHold());
  const cases: [string, RegExp][] = [
    ['anna', /push of their own.*ask one of reviewers/],
    ['anna-2', /push of their own/],
    ['robot', /is a service.*ask/],
    ['egon', /not one of those who are asked; ask one of reviewers/],
    ['fred', /auditor does not vote/],
    ['gina', /disabled; ask/],
    ['operator', /not a user; set REFGATE_URL and REFGATE_TOKEN/],
  ];
  for (const [name, why] of cases) {
    await assert.rejects(at.approve(push.id, name), refused('VOTE_REFUSED', why));
    const may = await at.desk.mayVote(push, at.as(name));
    assert.equal(may.vote, false);
    assert.match(may.why ?? '', why);
  }
  await assert.rejects(at.approve('p-none', 'bert'), refused('NOT_FOUND', /p-none/));
  assert.deepEqual(await at.events(), ['push.held']);
  assert.deepEqual((await at.desk.get(push.id))?.votes, []);
});

test('the owner of a service does not vote on what it pushes, nor who comes to own it meanwhile', async () => {
  const at = await openDesk();
  at.users.set('robot', user('robot', { kind: 'service', owner: 'bert', groups: [] }));
  const { push } = await at.desk.enter(
    newHold({ principal: principalOf('robot'), asks: [asked({ approvals: 2 })] }),
  );
  assert.equal(push.person, 'bert');
  await assert.rejects(at.approve(push.id, 'bert'), refused('VOTE_REFUSED', /of their own/));
  await at.approve(push.id, 'carl');
  at.users.set('robot', user('robot', { kind: 'service', owner: 'carl', groups: [] }));
  assert.equal((await at.approve(push.id, 'dora')).state, 'pending', 'the vote of the new owner is void');
  await assert.rejects(at.approve(push.id, 'bert'), refused('VOTE_REFUSED', /of their own/));
});

test('groups are as they are when the vote is cast, and votes of disabled accounts are void', async () => {
  const at = await openDesk();
  const { push } = await at.desk.enter(newHold({ asks: [asked({ approvals: 2 })] }));
  at.users.set('egon', user('egon', { role: 'admin' }));
  await at.approve(push.id, 'egon');
  at.users.set('egon', user('egon', { disabled: true }));
  at.users.set('bert', user('bert', { groups: [] }));
  await assert.rejects(at.approve(push.id, 'bert'), refused('VOTE_REFUSED', /not one of those/));
  const after = await at.approve(push.id, 'carl');
  assert.equal(after.state, 'pending');
  assert.deepEqual(
    after.votes.map((vote) => vote.user),
    ['carl'],
  );
});

test('where the rule wants a reason, a vote without one, or with another, is refused', async () => {
  const at = await openDesk();
  const { push } = await at.desk.enter(newHold({ asks: [asked({ reason: '^OPS-[0-9]+' })] }));
  assert.equal((await at.desk.mayVote(push, at.as('bert'))).needsReason, true);
  await assert.rejects(at.approve(push.id, 'bert'), refused('USAGE', /wants a reason/));
  await assert.rejects(at.deny(push.id, 'bert', 'no'), refused('USAGE', /matches "\^OPS/));
  await assert.rejects(
    at.approve(push.id, 'bert', `OPS-${'1'.repeat(3000)}`),
    refused('USAGE', /longer than 2000/),
  );
  assert.equal((await at.approve(push.id, 'bert', 'OPS-12 planned')).state, 'approved');
});

test('who may break the glass of every ask forces with a reason, even an own push, and loudly', async () => {
  const at = await openDesk();
  at.users.set('anna', user('anna', { groups: ['on-call'] }));
  const glass = { breakGlass: ['on-call'] };
  const both = await at.desk.enter(newHold({ asks: [asked(glass), asked({ rule: 'other' })], tip: '3' }));
  const force = (id: string, name: string, reason: string) =>
    at.desk.vote(id, { kind: 'force', reason }, at.as(name));
  await assert.rejects(
    force(both.push.id, 'dora', 'the site is down'),
    refused('VOTE_REFUSED', /may force it/),
  );
  const { push } = await at.desk.enter(newHold({ asks: [asked(glass), asked({ rule: 'other', ...glass })] }));
  await assert.rejects(
    force(push.id, 'bert', 'the site is down'),
    refused('VOTE_REFUSED', /only these.*on-call/),
  );
  await assert.rejects(force(push.id, 'anna', 'too short'), refused('USAGE', /at least 10 characters/));
  assert.deepEqual(
    { ...(await at.desk.mayVote(push, at.as('anna'))), why: '' },
    { vote: false, force: true, cancel: true, needsReason: false, why: '' },
  );
  const forced = await force(push.id, 'anna', 'the site is down');
  assert.equal(forced.state, 'approved');
  assert.deepEqual(at.notices.at(-1), {
    type: 'push.forced',
    time: '2026-01-01T00:00:00.000Z',
    push: forced,
    url: `https://git.example.com/-/pushes/${push.id}`,
    by: 'anna',
    reason: 'the site is down',
  });
});

test('the same update joins what waits, and uses the approval that there is only once', async () => {
  const at = await openDesk();
  const entered = await Promise.all(['s1', 's2', 's3'].map((session) => at.desk.enter(newHold({ session }))));
  assert.deepEqual(
    entered.map(({ how }) => how),
    ['opened', 'joined', 'joined'],
  );
  const [id = ''] = new Set(entered.map(({ push }) => push.id));
  assert.equal(at.desk.live().length, 1);
  assert.deepEqual(await at.events('s2'), ['push.joined']);
  await at.approve(id, 'bert');
  assert.equal((await at.desk.enter(newHold({ session: 's4' }))).how, 'approved');
  assert.deepEqual((await at.desk.claim(id, 's4'))?.relayedBy, 's4');
  assert.equal((await at.desk.enter(newHold({ session: 's5' }))).how, 'joined');
  assert.equal(await at.desk.claim(id, 's5'), undefined);
  await at.desk.forwarded(id, []);
  const again = await at.desk.enter(newHold({ session: 's6' }));
  assert.equal(again.how, 'opened');
  assert.notEqual(again.push.id, id);
});

test('another update of the same refs supersedes the older one, unless that is being relayed', async () => {
  const at = await openDesk();
  const first = await at.desk.enter(newHold());
  const elsewhere = await at.desk.enter(newHold({ ref: 'refs/heads/other' }));
  const second = await at.desk.enter(newHold({ tip: '3' }));
  const old = await at.desk.get(first.push.id);
  assert.equal(old?.state, 'canceled');
  assert.equal(old?.steps.at(-1)?.text, `superseded by ${second.push.id}`);
  assert.equal((await at.desk.get(elsewhere.push.id))?.state, 'pending');
  await at.approve(second.push.id, 'bert');
  await at.desk.claim(second.push.id, 's9');
  await at.desk.enter(newHold({ tip: '4' }));
  assert.equal((await at.desk.get(second.push.id))?.state, 'approved');
  assert.deepEqual(
    at.desk.unfinished().map(({ id }) => id),
    [second.push.id],
  );
});

test('an approval is not used for the same update when the policy asks more of it by now', async () => {
  const at = await openDesk();
  const { push } = await at.desk.enter(newHold());
  await at.approve(push.id, 'bert');
  const again = await at.desk.enter(newHold({ session: 's2', asks: [asked({ approvals: 2 })] }));
  assert.equal(again.how, 'opened');
  assert.equal((await at.desk.get(push.id))?.state, 'canceled');
  assert.equal(await at.desk.claim(push.id, 's2'), undefined);
});

test('over the quota of pushes or bytes the refusal says the numbers and what to do; others are not affected', async () => {
  const at = await openDesk({ limits: { pushesPerUser: 2, bytesPerUser: 3 << 20 } });
  const pack = { file: '/held', bytes: 2 << 20, sha256: 'ab' };
  const first = await at.desk.enter(newHold({ ref: 'refs/heads/a', pack }));
  await assert.rejects(
    at.desk.enter(newHold({ ref: 'refs/heads/b', pack })),
    refused(
      'HOLD_QUOTA',
      /2\.0 MiB of yours wait, this push brings 2\.0 MiB, and 3\.0 MiB may wait; wait for/,
    ),
  );
  assert.equal((await at.desk.enter(newHold({ ref: 'refs/heads/a', tip: '3', pack }))).how, 'opened');
  assert.equal((await at.desk.get(first.push.id))?.state, 'canceled', 'what is superseded does not count');
  await at.desk.enter(newHold({ ref: 'refs/heads/b' }));
  await assert.rejects(
    at.desk.enter(newHold({ ref: 'refs/heads/c' })),
    refused('HOLD_QUOTA', /2 pushes of yours wait, and 2 may; wait for a decision, or cancel one/),
  );
  const floods = ['d', 'e', 'f'].map((name) =>
    at.desk.enter(newHold({ ref: `refs/heads/${name}`, principal: principalOf('bert') })).then(
      () => name,
      () => '',
    ),
  );
  assert.deepEqual(await Promise.all(floods), ['d', 'e', '']);
});

test('what is not decided in time lapses, and so does an approval that nobody uses; a claimed push does not', async () => {
  const at = await openDesk();
  const refs = ['pending', 'approved', 'claimed'].map((name) => newHold({ ref: `refs/heads/${name}` }));
  const [pending, approved, claimed] = await Promise.all(
    refs.map(async (hold) => (await at.desk.enter(hold)).push.id),
  );
  assert.ok(pending && approved && claimed);
  await at.approve(approved, 'bert');
  await at.approve(claimed, 'bert');
  await at.desk.claim(claimed, 's2');
  at.time += minute - 1;
  await at.desk.lapseDue();
  assert.equal(at.desk.live().length, 3);
  at.time += 1;
  await assert.rejects(
    at.approve(pending, 'bert'),
    refused('CONFLICT', /lapsed \(not enough votes in time\)/),
  );
  assert.equal(await at.desk.claim(approved, 's3'), undefined);
  await at.desk.lapseDue();
  assert.deepEqual(
    at.desk.live().map(({ id }) => id),
    [claimed],
  );
  const ends = at.notices.filter(({ type }) => type === 'push.lapsed').map(({ reason }) => reason);
  assert.deepEqual(ends, ['not enough votes in time', 'the approval was not used in time']);
  await at.desk.close();
});

test('the timer lapses a push by itself', async () => {
  const at = await openDesk();
  const { push } = await at.desk.enter(newHold({ within: 20 }));
  const far = await at.desk.enter(newHold({ ref: 'refs/heads/far', within: Number.MAX_SAFE_INTEGER }));
  at.time += 20;
  const alive = setInterval(() => {}, 1000);
  assert.equal((await at.desk.settled(push.id, never)).state, 'lapsed');
  clearInterval(alive);
  assert.equal((await at.desk.get(far.push.id))?.state, 'pending');
  await at.desk.close();
});

test('a vote on the push of somebody whose account or key was ended cancels it', async () => {
  const at = await openDesk();
  const { push } = await at.desk.enter(newHold());
  at.ended.add('tok-anna');
  await assert.rejects(
    at.approve(push.id, 'bert'),
    refused('CONFLICT', /account or credential of its user was ended/),
  );
  assert.equal((await at.desk.get(push.id))?.state, 'canceled');
  assert.deepEqual(await at.events(), ['push.held', 'push.canceled']);
});

test('its user and administrators cancel a push, and nobody else; not once it is relayed', async () => {
  const at = await openDesk();
  const enter = async (ref: string) => (await at.desk.enter(newHold({ ref: `refs/heads/${ref}` }))).push.id;
  const [a, b, c] = [await enter('a'), await enter('b'), await enter('c')];
  await assert.rejects(
    at.desk.cancel(a, undefined, at.as('bert')),
    refused('VOTE_REFUSED', /ask one of them/),
  );
  assert.equal((await at.desk.cancel(a, 'a mistake', at.as('anna'))).steps.at(-1)?.text, 'a mistake');
  assert.equal((await at.desk.cancel(b, undefined, at.as('egon'))).state, 'canceled');
  await at.approve(c, 'bert');
  await at.desk.claim(c, 's2');
  await assert.rejects(
    at.desk.cancel(c, undefined, at.as('anna')),
    refused('CONFLICT', /was approved by bert/),
  );
  assert.deepEqual(await at.desk.cancelWhere(() => true, 'the policy changed'), []);
  assert.equal((await at.desk.canceledBy(c, 'the policy changed', 'refgate')).state, 'canceled');
  assert.equal((await at.desk.canceledBy(c, 'again', 'refgate')).steps.at(-1)?.text, 'the policy changed');
});

test('when the policy changes, what waits under the old one is canceled', async () => {
  const at = await openDesk();
  const old = await at.desk.enter(newHold());
  const fresh = await at.desk.enter(newHold({ ref: 'refs/heads/b', policyVersion: 'v2' }));
  const canceled = await at.desk.cancelWhere((push) => push.policyVersion !== 'v2', 'the policy changed');
  assert.deepEqual(
    canceled.map(({ id }) => id),
    [old.push.id],
  );
  assert.equal((await at.desk.get(fresh.push.id))?.state, 'pending');
});

test('that the last client has gone is recorded once, and only of a push that waits still', async () => {
  const at = await openDesk();
  const { push } = await at.desk.enter(newHold());
  const seen: boolean[] = [];
  at.desk.onChange(({ id }) => seen.push(at.desk.isAttached(id)));
  const [first, second] = [at.desk.attach(push.id), at.desk.attach(push.id)];
  first();
  first();
  assert.equal(at.desk.isAttached(push.id), true);
  second();
  await at.desk.close();
  assert.deepEqual(seen, [false]);
  const third = at.desk.attach(push.id);
  await at.deny(push.id, 'bert');
  third();
  await at.desk.close();
  assert.deepEqual(await at.events(), ['push.held', 'push.detached', 'push.voted', 'push.rejected']);
});

test('a client that hangs up while it waits hears why, and the push waits on', async () => {
  const at = await openDesk();
  const { push } = await at.desk.enter(newHold());
  const client = new AbortController();
  const waiting = at.desk.settled(push.id, client.signal);
  client.abort(new Error('hung up'));
  await assert.rejects(waiting, /hung up/);
  await assert.rejects(at.desk.finished(push.id, client.signal), /hung up/);
  await assert.rejects(at.desk.settled('p-none', never), refused('NOT_FOUND', /p-none/));
  assert.equal((await at.desk.get(push.id))?.state, 'pending');
});

test('push options as the client sent them are kept only while the push is live, and shown nowhere', async () => {
  const at = await openDesk();
  const raw = ['pass', 'word'].join('');
  const { push } = await at.desk.enter(newHold({ pushOptions: ['[masked]'], rawPushOptions: [raw] }));
  assert.deepEqual(at.desk.optionsOf(push.id), [raw]);
  const shown = JSON.stringify([push, at.notices, await at.ledger.sessionEvents('s1')]);
  assert.equal(shown.includes(raw), false);
  await at.deny(push.id, 'bert');
  assert.throws(() => at.desk.optionsOf(push.id), refused('NOT_FOUND', new RegExp(push.id)));
  for await (const [, value] of at.store.range({ from: 'held!', to: 'held"' }))
    assert.equal(Buffer.from(value).includes(raw), false);
});

test('a listener that throws harms nobody', async () => {
  const at = await openDesk();
  at.desk.onChange(() => {
    throw new Error('listener');
  });
  const { push } = await at.desk.enter(newHold());
  assert.equal((await at.approve(push.id, 'bert')).state, 'approved');
  assert.ok(at.log.lines.includes('error listener of held pushes failed'));
});
