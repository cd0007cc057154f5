import { loadRuleSet } from './secrets/load-rule-set.ts';
import type { SecretRule } from './secrets/rule.ts';
import { ObjectScanner } from './secrets/scan-object.ts';
import { Scanner } from './secrets/scanner.ts';
import type { SecretSettings } from './worker-messages.ts';

/** What one thread searches with. */
export interface ThreadScanner {
  readonly rules: readonly SecretRule[];
  readonly scanner: ObjectScanner;
}

/** Compiles the rules, which takes some 100 ms. Throws SECRET_RULES_INVALID (operator). */
export function createScanner({ ruleFiles, defaults, fingerprintKey }: SecretSettings): ThreadScanner {
  const { rules } = loadRuleSet({ files: ruleFiles, defaults });
  return { rules, scanner: new ObjectScanner(new Scanner(rules), Buffer.from(fingerprintKey)) };
}
