import type { ScannedSecret } from '../contents/walk-order.ts';
import type { SecretRule } from './rule.ts';

/**
 * What is left of the candidates of one object once it is known where the
 * object lies: rules may leave out paths, and users' allow-lists commits.
 * Without a path only what depends on none is judged.
 */
export function admitAt(
  secrets: readonly ScannedSecret[],
  path: string | undefined,
  commit?: string,
): readonly ScannedSecret[] {
  return secrets.filter(({ match: { rule, value } }) => {
    if (commit !== undefined && rule.admitCommit?.(commit) === false) return false;
    return path === undefined || rule.admitPath?.(path, value) !== false;
  });
}

/** The rules for which a file of this path is itself a finding, whatever it holds; in the order of the rules. */
export function pathFindings(rules: readonly SecretRule[], path: string): readonly SecretRule[] {
  return rules.filter((rule) => rule.isSecretPath?.(path) === true);
}
