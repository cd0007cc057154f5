import type { SecretRule } from '../rule.ts';

/** What a rule names in `detector`: code, for what is no token with a grammar. `options` is the rule's table of that name. */
export type Detector = (
  options: Readonly<Record<string, unknown>>,
) => Pick<SecretRule, 'matcher' | 'admit' | 'admitPath' | 'check' | 'every'>;
