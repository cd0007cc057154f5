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

const ways = [
  { href: '/-/policy', text: 'In force' },
  { href: '/-/policy/history', text: 'History' },
  { href: '/-/policy/try', text: 'Try a draft' },
] as const;

/** The ways between the pages of the policy; `at` is the text of the one that is shown. */
export function PolicyMenu({ at }: { readonly at?: (typeof ways)[number]['text'] }) {
  return (
    <nav class="look-menu" aria-label="Policy">
      {ways.map(({ href, text }) => (
        <a key={href} href={href} aria-current={text === at ? 'page' : undefined}>
          {text}
        </a>
      ))}
    </nav>
  );
}
