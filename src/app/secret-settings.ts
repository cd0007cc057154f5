import { readFileSync } from 'node:fs';
import { RefgateError } from '../domain/error.ts';
import type { Log } from '../domain/log.ts';
import type { SecretSettings } from '../inspect/quarantine.ts';
import { loadRuleSet } from '../inspect/secrets/load-rule-set.ts';
import type { Config } from './config.ts';
import { openFingerprintKey } from './data-folder.ts';

/** The rules by which secrets are found, read and checked once, before any thread needs them. @throws CONFIG_INVALID, SECRET_RULES_INVALID */
export function readSecretSettings(config: Pick<Config, 'secrets' | 'data'>, log: Log): SecretSettings {
  const { defaults } = config.secrets;
  const ruleFiles = config.secrets.rules.map((path) => ({ path, text: readRules(path) }));
  const { rules, version, warnings } = loadRuleSet({ defaults, files: ruleFiles });
  for (const warning of warnings) log.warn({ warning }, 'secret rules');
  log.info({ rules: rules.length, version }, 'secret rules loaded');
  return { ruleFiles, defaults, fingerprintKey: openFingerprintKey(config.data) };
}

function readRules(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    throw new RefgateError('CONFIG_INVALID', 'operator', `secrets.rules: ${path} cannot be read`, { cause });
  }
}
