import type { SecretRule } from '../rule.ts';
import { invalidRules } from '../rules/rule-file.ts';
import { type Allowance, allowedBy, compileAllow, judgedAt } from './allow.ts';
import { type GitleaksEntry, type GitleaksFile, readGitleaks } from './gitleaks-file.ts';
import { toSecretRule } from './gitleaks-rule.ts';
import { compileSearch, type Search } from './search.ts';
import { quote } from './toml-table.ts';

/** A user's gitleaks file, ready to run. */
export interface LoadedGitleaks {
  /** In the order of the file; what only others require (`skipReport`) is not among them. */
  readonly rules: readonly SecretRule[];
  /** It says `[extend] useDefault = true`. */
  readonly usesDefaults: boolean;
  /** What was read and has no effect, one line each. */
  readonly warnings: readonly string[];
  /** The default rules as the file leaves them: without those that it disables, and with its allow-lists. */
  adapt(defaults: readonly SecretRule[]): readonly SecretRule[];
}

/**
 * Reads gitleaks' TOML. `readFile` gives what `[extend] path` names; without
 * it that is refused. Throws SECRET_RULES_INVALID (operator), which names the file, the rule, the text
 * that is wrong and what to do.
 */
export function loadGitleaks(
  toml: string,
  file: string,
  options: { readonly readFile?: (path: string) => string } = {},
): LoadedGitleaks {
  const read = readGitleaks(toml, file, options.readFile);
  const warnings = [...read.warnings];
  const shared = read.allow.flatMap((entry) => compileAllow(entry, warnings));
  const allowancesOf = (id: string, own: readonly Allowance[]): readonly Allowance[] => [
    ...shared.filter(({ targetRules }) => targetRules.length === 0 || targetRules.includes(id)),
    ...own,
  ];
  const compiled = read.rules.map((entry) => {
    const own = entry.allow.flatMap((allow) => compileAllow(allow, warnings));
    const allowances = allowancesOf(entry.id, own);
    return { entry, allowances, search: compileSearch(entry, allowances) };
  });
  const searches = new Map<string, Search>();
  for (const { entry, search } of compiled) if (search) searches.set(entry.id, search);
  const rules = compiled
    .filter(({ entry }) => isWhole(entry, read) && !entry.skipReport)
    .map(({ entry, allowances, search }) =>
      toSecretRule(search, entry, { allowances, searchOf: (id) => searches.get(id) }),
    );
  warnUnwanted(read, rules, warnings);
  const changed = new Map(compiled.map(({ entry, allowances }) => [entry.id, allowances]));
  return {
    rules,
    usesDefaults: read.usesDefaults,
    warnings,
    adapt: (defaults) =>
      defaults
        .filter(({ id }) => !read.disabledRules.includes(id))
        .map((rule) => withAllowances(rule, changed.get(rule.id) ?? allowancesOf(rule.id, []))),
  };
}

/** Whether it is a rule, and not only a change of a default one. Throws SECRET_RULES_INVALID when it is neither. */
function isWhole(entry: GitleaksEntry, { usesDefaults }: GitleaksFile): boolean {
  if (entry.regex !== undefined || entry.path !== undefined) return true;
  if (usesDefaults) return false;
  throw invalidRules(`${entry.where} has neither regex nor path; give it one of them`);
}

function warnUnwanted(read: GitleaksFile, rules: readonly SecretRule[], warnings: string[]): void {
  const ids = new Set([...rules.map(({ id }) => id), ...read.rules.map(({ id }) => id)]);
  if (read.usesDefaults) return;
  for (const { where, targetRules } of read.allow)
    for (const id of targetRules)
      if (!ids.has(id)) warnings.push(`${where}: targetRules names ${quote(id)}, and there is no such rule`);
}

/** A rule that lists of a user's file allow less of. Of a default rule the match is the secret itself. */
function withAllowances(rule: SecretRule, allowances: readonly Allowance[]): SecretRule {
  if (allowances.length === 0) return rule;
  const atValue = [...judgedAt('value', allowances), ...judgedAt('match', allowances)];
  const atPath = judgedAt('path', allowances);
  const atCommit = judgedAt('commit', allowances);
  const byPath = atPath.filter(({ needs }) => !needs.includes('secret'));
  return {
    ...rule,
    admit: (secret, line) =>
      rule.admit?.(secret, line) !== false && !allowedBy(atValue, { secret, match: secret, line }),
    admitPath: (path, secret) =>
      rule.admitPath?.(path, secret) !== false && !allowedBy(atPath, { path, secret }),
    admitCommit: (commit) => rule.admitCommit?.(commit) !== false && !allowedBy(atCommit, { commit }),
    ...(rule.isSecretPath
      ? { isSecretPath: (path) => rule.isSecretPath?.(path) === true && !allowedBy(byPath, { path }) }
      : {}),
  };
}
