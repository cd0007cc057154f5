import type { PolicyAdmin } from '../domain/admin.ts';
import { loadPolicy } from '../policy/load.ts';
import type { PolicyInForce } from '../session/policy-in-force.ts';

/** The policy in force, as the administrative API asks of it. */
export function policyAdmin(policy: PolicyInForce): PolicyAdmin {
  return {
    async current() {
      const { version } = policy.current();
      return { version, text: await policy.text(version) };
    },
    check: (text, file) => ({ version: loadPolicy(text, file).version }),
    apply: (text, file, actor) => policy.apply(text, file, actor),
    history: () => policy.history(),
    text: (version) => policy.text(version),
  };
}
