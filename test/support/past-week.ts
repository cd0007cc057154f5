/** Sessions of past days, written through the real ledger before a server starts on it. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { EventPayloads } from '../../src/domain/record.ts';
import { openLedger } from '../../src/record/ledger.ts';
import { newSessionId } from '../../src/session/open.ts';
import { openLevelStore } from '../../src/store/level.ts';
import { QuietLog } from './quiet-log.ts';
import { authenticated, closed, decided, opened, requested } from './sample-events.ts';

const day = 86_400_000;
const minute = 60_000;

const people = ['alice', 'bob', 'chen', 'copilot-web'] as const;
const repos = ['acme/web', 'acme/api', 'acme/infra'] as const;
const branches = ['main', 'feature/search', 'fix/login', 'release/2.4', 'copilot/tests'] as const;

/** What speaks against a push, by its number; most pass. */
const troubles = [
  { every: 9, rule: 'no-secrets', finding: 'github-pat' },
  { every: 14, rule: 'history-is-kept', finding: undefined },
  { every: 23, rule: 'no-programs', finding: undefined },
  { every: 31, rule: 'no-secrets', finding: 'aws-access-key' },
] as const;

/** Fills the store below `data` with the days before `until` (ms since 1970); the same days give the same counts. */
export async function recordPast(data: string, until: number, days: number): Promise<void> {
  mkdirSync(data, { recursive: true, mode: 0o700 });
  const store = await openLevelStore(join(data, 'store'));
  let now = until - days * day;
  const ledger = await openLedger({ store, log: new QuietLog(), clock: () => now });
  const first = Math.floor(now / day) * day;
  try {
    let number = 0;
    for (let at = 0; at < days; at++) {
      const date = first + at * day;
      const isWeekend = [0, 6].includes(new Date(date).getUTCDay());
      const pushes = isWeekend ? 2 : 8 + ((at * 5) % 7);
      for (let one = 0; one < pushes; one++) {
        now = date + 8 * 60 * minute + Math.floor((one * 9 * 60 * minute) / pushes) + (number % 13) * minute;
        if (now >= until - 30 * minute) continue;
        number += 1;
        await recordPush(number);
        if (number % 2 === 0) await recordFetch(number);
      }
    }
  } finally {
    await ledger.close();
    await store.close();
  }

  function contextOf(number: number) {
    const user = people[(number * 7) % people.length] ?? 'alice';
    return { session: newSessionId(now), actor: user };
  }

  async function open(number: number, service: 'receive-pack' | 'upload-pack') {
    const context = contextOf(number);
    const repo = repos[(number * 5) % repos.length] ?? 'acme/web';
    const kind = context.actor.startsWith('copilot') ? 'service' : 'person';
    await ledger.append(
      'session.opened',
      { ...opened(repo), service, address: `192.0.2.${10 + (number % 40)}` },
      context,
    );
    await ledger.append('session.authenticated', { ...authenticated(context.actor), kind }, context);
    return { context, repo };
  }

  async function recordFetch(number: number): Promise<void> {
    const { context, repo } = await open(number, 'upload-pack');
    await ledger.append('fetch.requested', { target: `host:${repo}`, wantCount: 1, haveCount: 2 }, context);
    const bytes = 20_000 + number * 977;
    await ledger.append('fetch.served', { bytes, refs: 1, pack: true }, context);
    await ledger.append('session.closed', { outcome: 'ok', bytesIn: 412, bytesOut: bytes }, context);
  }

  async function recordPush(number: number): Promise<void> {
    const { context, repo } = await open(number, 'receive-pack');
    const refs = [`refs/heads/${branches[(number * 3) % branches.length]}`];
    const target = `host:${repo}`;
    await ledger.append('push.requested', { ...requested(refs), target }, context);
    const trouble = troubles.find(({ every }) => number % every === 0);
    if (number % 6 === 0 && trouble === undefined) await wait(number, refs, target, context);
    const verdicts = refs.map((ref) => ({
      ref,
      effect: trouble === undefined ? ('allow' as const) : ('deny' as const),
      reasons:
        trouble === undefined
          ? []
          : [{ rule: trouble.rule, code: 'POLICY_DENIED' as const, text: 'refused' }],
    }));
    if (trouble?.finding !== undefined) await inspected(trouble.finding, refs, context);
    await ledger.append('push.decided', { ...decided(refs), target, refs: verdicts }, context);
    if (trouble === undefined) {
      await ledger.append('push.relayed', { updates: requested(refs).updates }, context);
      const reports = refs.map((ref) => ({ ref, ok: true as const }));
      await ledger.append('push.reported', { unpack: 'ok', reports }, context);
    }
    const outcome = trouble === undefined ? 'ok' : 'refused';
    await ledger.append('session.closed', { ...closed(outcome), bytesIn: 900 + number * 31 }, context);
  }

  async function inspected(
    rule: string,
    refs: readonly string[],
    context: ReturnType<typeof contextOf>,
  ): Promise<void> {
    const counts = { commits: 1, changes: 2, findings: 1, unknowns: 0 };
    const facts: EventPayloads['push.inspected'] = {
      refs: [],
      objects: 4,
      bytes: 1_800,
      contents: refs.map(() => counts),
      findings: [
        {
          rule,
          family: 'sample',
          tier: 'B',
          confidence: 'high',
          place: 'file',
          commit: '1'.repeat(40),
          path: 'src/config.ts',
          line: 3,
          sample: '***',
          fingerprint: '0'.repeat(32),
          state: 'new',
        },
      ],
    };
    await ledger.append('push.inspected', facts, context);
  }

  /** The push waited for a reviewer, who let it go. */
  async function wait(
    number: number,
    refs: readonly string[],
    target: string,
    context: ReturnType<typeof contextOf>,
  ): Promise<void> {
    const push = `p-${number.toString(36).padStart(7, '0')}`;
    const { relay, policyVersion } = { ...decided(refs), relay: requested(refs).updates };
    const reasons = [{ rule: 'deploys-are-reviewed', code: 'APPROVAL_REQUIRED' as const, text: 'asks' }];
    const verdicts = refs.map((ref) => ({ ref, effect: 'ask' as const, reasons }));
    const deadline = new Date(now + 30 * minute).toISOString();
    const held = { push, binding: 'b'.repeat(64), policyVersion, target, relay: [...relay], asks: [] };
    await ledger.append('push.held', { ...held, refs: verdicts, onApprove: 'relay', deadline }, context);
    now += (2 + ((number * 3) % 11)) * minute;
    await ledger.append('push.approved', { push, by: ['carol'], deadline }, context);
  }
}
