import type { PolicyAdmin, PolicyTrials } from '../../domain/admin.ts';
import type { HeldPushes } from '../../domain/approval.ts';
import { RefgateError } from '../../domain/error.ts';

/** What the pages of the policy speak for. */
export interface PolicyPorts {
  readonly policy: PolicyAdmin;
  readonly trials: PolicyTrials;
  readonly held: HeldPushes;
}

/** Undefined while none has ever been applied. */
export function inForce(policy: PolicyAdmin): ReturnType<PolicyAdmin['current']> | undefined {
  try {
    return policy.current();
  } catch (error) {
    if (error instanceof RefgateError && error.code === 'POLICY_INVALID') return undefined;
    throw error;
  }
}

/** The ways between the pages of the policy. */
export function PolicyMenu() {
  return (
    <nav class="look-menu" aria-label="Policy">
      <a href="/-/policy">In force</a>
      <a href="/-/policy/history">History</a>
      <a href="/-/policy/try">Try a draft</a>
    </nav>
  );
}
