import { defaultRules } from './secrets/rules/load-rules.ts';
import { ObjectScanner } from './secrets/scan-object.ts';
import { Scanner } from './secrets/scanner.ts';
import type { SecretSettings } from './worker-messages.ts';

/** Compiles the rules. Throws SECRET_RULES_INVALID (operator). */
export function createScanner({ defaults, fingerprintKey }: SecretSettings): ObjectScanner {
  const rules = defaults ? defaultRules() : [];
  return new ObjectScanner(new Scanner(rules), Buffer.from(fingerprintKey));
}
