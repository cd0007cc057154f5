import { RefgateError } from '../domain/error.ts';
import type { RefUpdate } from '../domain/git.ts';
import type { Principal } from '../domain/session.ts';
import { judging } from './decide.ts';
import { inSteps } from './in-steps.ts';
import type { SpineDeps } from './open.ts';

/** A push that has waited for people, just before it goes. */
export interface WaitedPush {
  /** The session that brought it, whose facts were kept. */
  readonly session: string;
  readonly principal: Principal;
  readonly repo: string;
  /** What is to go. */
  readonly relay: readonly RefUpdate[];
  /** The rules that people were asked for, and have answered. */
  readonly answered: ReadonlySet<string>;
}

/**
 * Judges once more as of now, by the facts that were kept: a freeze may have begun meanwhile, or an accepted secret be
 * accepted no longer. Throws POLICY_DENIED for what a rule denies by now, and CONFLICT where one asks that was
 * not answered, or nothing is known of the push any more.
 */
export async function judgeAgain(deps: Pick<SpineDeps, 'policy' | 'facts'>, push: WaitedPush): Promise<void> {
  if (push.relay.length === 0) return;
  const kept = await deps.facts(push.session);
  if (kept === undefined)
    throw new RefgateError('CONFLICT', 'client', 'what the push brings is not known any more; push again');
  const facts = { ...kept, at: new Date().toISOString() };
  const verdict = await inSteps(judging(deps.policy(), push, facts));
  const going = new Set(push.relay.map(({ ref }) => ref));
  for (const { ref, effect, reasons, asks = [] } of verdict.refs) {
    if (!going.has(ref)) continue;
    if (effect === 'deny')
      throw new RefgateError('POLICY_DENIED', 'client', firstLine(reasons[0]?.text ?? ref));
    const more = asks.find(({ rule }) => !push.answered.has(rule));
    if (effect === 'ask' && more !== undefined)
      throw new RefgateError('CONFLICT', 'client', `${more.rule} asks people by now as well; push again`);
  }
}

const firstLine = (text: string): string => text.split('\n', 1)[0] ?? text;
