import { readFileSync } from 'node:fs';
import { RefgateError } from '../domain/error.ts';
import type { Log } from '../domain/log.ts';
import type { SecretSettings } from '../inspect/quarantine.ts';
import { loadRuleSet } from '../inspect/secrets/load-rule-set.ts';
import { maskText } from '../inspect/secrets/mask-text.ts';
import { Scanner } from '../inspect/secrets/scanner.ts';
import type { Config } from './config.ts';
import { openFingerprintKey } from './data-folder.ts';

/** What searches for secrets: the settings of the threads that do, and a mask for short texts. */
export interface SecretSearch {
  readonly settings: SecretSettings;
  /** Of the rules: the same ones give the same. */
  readonly version: string;
  readonly mask: (text: string) => string;
  /** The same for who may see no part of a secret. */
  readonly hide: (text: string) => string;
}

/** The rules by which secrets are found, read and checked once, before any thread needs them. @throws CONFIG_INVALID, SECRET_RULES_INVALID */
export function readSecretSearch(config: Pick<Config, 'secrets' | 'data'>, log: Log): SecretSearch {
  const { defaults } = config.secrets;
  const ruleFiles = config.secrets.rules.map((path) => ({ path, text: readRules(path) }));
  const { rules, version, warnings } = loadRuleSet({ defaults, files: ruleFiles });
  for (const warning of warnings) log.warn({ warning }, 'secret rules');
  log.info({ rules: rules.length, version }, 'secret rules loaded');
  const scanner = new Scanner(rules);
  return {
    settings: { ruleFiles, defaults, fingerprintKey: openFingerprintKey(config.data) },
    version,
    mask: (text) => maskText(scanner, text),
    hide: (text) => maskText(scanner, text, () => '***'),
  };
}

function readRules(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    throw new RefgateError('CONFIG_INVALID', 'operator', `secrets.rules: ${path} cannot be read`, { cause });
  }
}
