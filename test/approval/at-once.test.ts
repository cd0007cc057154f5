import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Store, StoreWrite } from '../../src/domain/store.ts';
import { asked, newHold, openDesk } from '../support/approval-desk.ts';
import { MemoryStore } from '../support/memory-store.ts';

/** Writes that take a turn of the scheduler each, so that anything may come in between. */
class SlowStore extends MemoryStore implements Store {
  readonly #scheduler: fc.Scheduler;

  constructor(scheduler: fc.Scheduler) {
    super();
    this.#scheduler = scheduler;
  }

  override async write(batch: readonly StoreWrite[]): Promise<void> {
    await this.#scheduler.schedule(Promise.resolve());
    await super.write(batch);
  }
}

const action = fc.oneof(
  fc.record({ do: fc.constant('approve' as const), who: fc.constantFrom('bert', 'carl', 'dora') }),
  fc.record({ do: fc.constant('deny' as const), who: fc.constantFrom('bert', 'carl', 'dora') }),
  fc.record({ do: fc.constantFrom('claim', 'cancel', 'enter', 'lapse'), who: fc.constant('anna') }),
);

test('whatever people and sessions do at once, there is one push, one decision and one claim', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.scheduler(),
      fc.array(action, { minLength: 2, maxLength: 10 }),
      async (scheduler, actions) => {
        const at = await openDesk({ store: new SlowStore(scheduler) });
        const asks = [asked({ approvals: 2, denials: 2 })];
        const opening = [at.desk.enter(newHold({ asks })), at.desk.enter(newHold({ asks }))];
        await scheduler.waitFor(Promise.all(opening));
        const { id } = (await (opening[0] as (typeof opening)[number])).push;
        let claims = 0;
        const work = actions.map(async (one) => {
          await scheduler.schedule(Promise.resolve());
          if (one.do === 'approve' || one.do === 'deny') return at[one.do](id, one.who);
          if (one.do === 'cancel') return at.desk.cancel(id, undefined, at.as('anna'));
          if (one.do === 'enter') return at.desk.enter(newHold({ asks }));
          if (one.do === 'lapse') return at.desk.lapseDue();
          const claimed = await at.desk.claim(id, 's2');
          if (claimed) claims += 1;
          return claimed;
        });
        const done = await scheduler.waitFor(Promise.allSettled(work));
        for (const one of done)
          if (one.status === 'rejected') assert.equal(one.reason.code, 'CONFLICT', String(one.reason));
        await scheduler.waitFor(at.desk.close());
        const all = (await at.ledger.sessionEvents('s1')).filter(
          ({ data }) => 'push' in data && data.push === id,
        );
        const count = (...codes: string[]) => all.filter(({ code }) => codes.includes(code)).length;
        assert.equal(count('push.held'), 1);
        assert.ok(count('push.approved', 'push.rejected') <= 1, 'one decision');
        assert.ok(count('push.rejected', 'push.canceled') <= 1, 'one end');
        assert.equal(count('push.claimed'), claims);
        assert.ok(claims <= 1, 'one claim');
        const push = await at.desk.get(id);
        const persons = push?.votes.map((vote) => vote.person) ?? [];
        assert.equal(new Set(persons).size, persons.length);
        const [tally] = push ? at.desk.tally(push) : [];
        if (count('push.approved') > 0) assert.equal(tally?.met, true);
        if (push?.state === 'pending') assert.equal(tally?.met, false);
        const decision = all.findIndex(({ code }) => code === 'push.approved' || code === 'push.rejected');
        if (decision !== -1)
          assert.ok(
            !all.slice(decision).some(({ code }) => code === 'push.voted'),
            'no vote after the decision',
          );
        await at.ledger.verify();
      },
    ),
    { numRuns: 150 },
  );
});
