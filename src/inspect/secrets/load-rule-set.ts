import { createHash } from 'node:crypto';
import { loadGitleaks } from './gitleaks/load-gitleaks.ts';
import { readToml } from './gitleaks/toml-table.ts';
import type { SecretRule } from './rule.ts';
import { defaultRules, loadRules, readDefaultRules } from './rules/load-rules.ts';

export interface RuleFile {
  readonly path: string;
  readonly text: string;
}

export interface LoadedRules {
  readonly rules: readonly SecretRule[];
  /** First 12 hex digits of SHA-256 over all the rules that went in: the same rules give the same. */
  readonly version: string;
  readonly warnings: readonly string[];
}

/**
 * The default rules and those of files, in our own format (`[[rule]]`) or
 * gitleaks'; the content tells which. A rule of a file takes the place of a
 * default rule of its id, and of one of a file before it. `defaults: false` leaves the default rules out
 * even where a file extends them. Throws SECRET_RULES_INVALID (operator).
 */
export function loadRuleSet(options: {
  readonly defaults: boolean;
  readonly files: readonly RuleFile[];
  /** Gives what a gitleaks file extends by path; without it that is refused. */
  readonly readFile?: (path: string) => string;
}): LoadedRules {
  const hash = createHash('sha256');
  const warnings: string[] = [];
  const add = (text: string): void => void hash.update(`${Buffer.byteLength(text)}\n`).update(text);
  if (options.defaults) add(JSON.stringify(readDefaultRules()));
  let defaults = options.defaults ? defaultRules() : [];
  const rules = new Map<string, SecretRule>();
  for (const { path, text } of options.files) {
    add(text);
    const keep = (rule: SecretRule): void => {
      rules.delete(rule.id);
      rules.set(rule.id, rule);
    };
    if (isOurs(text, path)) {
      loadRules(text, path).forEach(keep);
      continue;
    }
    const readFile = options.readFile && readThrough(options.readFile, add);
    const loaded = loadGitleaks(text, path, readFile ? { readFile } : {});
    loaded.rules.forEach(keep);
    defaults = loaded.adapt(defaults);
    warnings.push(...loaded.warnings);
  }
  return {
    rules: [...defaults.filter(({ id }) => !rules.has(id)), ...rules.values()],
    version: hash.digest('hex').slice(0, 12),
    warnings,
  };
}

function isOurs(text: string, path: string): boolean {
  return readToml(text, path).has('rule');
}

function readThrough(
  readFile: (path: string) => string,
  add: (text: string) => void,
): (path: string) => string {
  return (path) => {
    const text = readFile(path);
    add(text);
    return text;
  };
}
