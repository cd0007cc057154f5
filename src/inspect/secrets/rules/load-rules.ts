import { readdirSync, readFileSync } from 'node:fs';
import { RefgateError } from '../../../domain/error.ts';
import type { Check } from '../checks/check.ts';
import { checks } from '../checks/index.ts';
import { isDocumented, isPlaceholder } from '../checks/placeholder.ts';
import { type Detector, detectors } from '../detectors/index.ts';
import { readsGenerated } from '../detectors/value.ts';
import type { CheckResult, SecretRule } from '../rule.ts';
import { nearMatcher, type Partner } from './near-matcher.ts';
import { pathGlobs } from './path-globs.ts';
import { invalidRules, type RuleEntry, readRuleFile } from './rule-file.ts';
import { TokenError } from './token-grammar.ts';
import { type CompiledToken, compileToken, tokenMatcher } from './token-matcher.ts';

const defaultNear = 80;

/** The rules of one file, in its order. Throws SECRET_RULES_INVALID (operator), naming the file, the rule and what to do. */
export function loadRules(toml: string, file: string): readonly SecretRule[] {
  return compileRules(readRuleFile(toml, file).map((entry) => ({ entry, file })));
}

/** Rules that lie beside this code, by file name; `copy-files.mjs` puts them there. */
export function readDefaultRules(): readonly { readonly entry: RuleEntry; readonly file: string }[] {
  const folder = new URL('.', import.meta.url);
  const files = readdirSync(folder)
    .filter((name) => name.endsWith('.toml'))
    .sort();
  if (files.length === 0) {
    throw new RefgateError('SECRET_RULES_INVALID', 'refgate', 'no rule file was built in; run npm run build');
  }
  return files.flatMap((file) =>
    readRuleFile(readFileSync(new URL(file, folder), 'utf8'), file).map((entry) => ({ entry, file })),
  );
}

let compiledDefaults: readonly SecretRule[] | undefined;

/** The rules that Refgate brings along, compiled once. */
export function defaultRules(): readonly SecretRule[] {
  compiledDefaults ??= compileRules(readDefaultRules());
  return compiledDefaults;
}

function compileRules(entries: readonly { entry: RuleEntry; file: string }[]): readonly SecretRule[] {
  const byId = new Map<string, RuleEntry>();
  for (const { entry, file } of entries) {
    if (byId.has(entry.id)) throw invalidRules(`${file}: rule ${entry.id}: the id is taken; choose another`);
    byId.set(entry.id, entry);
  }
  return entries.map(({ entry, file }) => {
    try {
      return compileRule(entry, byId);
    } catch (error) {
      if (!(error instanceof TokenError)) throw error;
      throw invalidRules(`${file}: rule ${entry.id}: ${error.message}`, error);
    }
  });
}

function compileRule(entry: RuleEntry, byId: ReadonlyMap<string, RuleEntry>): SecretRule {
  const tokens = tokensOf(entry);
  const detected = detectorOf(entry)?.({ ...entry.options, keywords: entry.keywords ?? [] });
  const admitValue = valueFilter(entry, tokens);
  const partner = partnerOf(entry, byId);
  const contextual = entry.keywords !== undefined || partner !== undefined;
  const keywords =
    tokens.length > 0 && !contextual
      ? tokens.flatMap((token) => token.keywords)
      : [...(entry.keywords ?? []), ...(partner?.keywords ?? [])];
  const matcher = tokens.length === 0 ? detected?.matcher : matcherOf(entry, tokens, partner, admitValue);
  const own = checkOf(entry);
  const admitPath = pathFilter(entry);
  const rule: SecretRule = {
    id: entry.id,
    family: entry.family,
    title: entry.title,
    tier: entry.tier,
    ...(entry.confidence !== undefined && { confidence: entry.confidence }),
    keywords: [...new Set(keywords)],
    ignoreCase: entry.ignoreCase ?? (contextual && tokens.length > 0),
    ...(matcher !== undefined && { matcher }),
    ...(detected?.every !== undefined && { every: detected.every }),
    check: (value) => judge(value, tokens, own ?? detected?.check),
    admit: (value, line) => admitValue(value) && (detected?.admit?.(value, line) ?? true),
    admitPath: (path, value) => admitPath(path) && (detected?.admitPath?.(path, value) ?? true),
    ...(entry.secretPath !== undefined && { isSecretPath: pathGlobs(entry.secretPath) }),
  };
  return rule;
}

function tokensOf(entry: RuleEntry): readonly CompiledToken[] {
  const grammars = entry.token === undefined ? [] : [entry.token].flat();
  return grammars.map((grammar) => {
    const token = compileToken(grammar, entry.boundary);
    if (token.keywords.length === 0 && entry.keywords === undefined && entry.partner === undefined) {
      throw new TokenError(
        `${grammar} has no three literal bytes to look for; give the rule keywords or a partner`,
      );
    }
    return token;
  });
}

function matcherOf(
  entry: RuleEntry,
  tokens: readonly CompiledToken[],
  partner: Partner | undefined,
  admit: (value: string) => boolean,
): SecretRule['matcher'] & object {
  if (entry.keywords === undefined && partner === undefined) return tokenMatcher(tokens);
  return nearMatcher(tokens, {
    near: entry.near ?? defaultNear,
    around: entry.around ?? false,
    keywords: entry.keywords ?? [],
    partner,
    admit: (value) => admit(value) && !isPlaceholder(variablePart(value, tokens)),
  });
}

function partnerOf(entry: RuleEntry, byId: ReadonlyMap<string, RuleEntry>): Partner | undefined {
  if (entry.partner === undefined) return undefined;
  const other = byId.get(entry.partner);
  if (other === undefined) throw new TokenError(`no rule is called ${entry.partner}; correct partner`);
  const tokens = tokensOf(other).filter((token) => token.keywords.length > 0);
  if (tokens.length === 0) {
    throw new TokenError(
      `${entry.partner} cannot be a partner: its token has no literal beginning to look for`,
    );
  }
  return { keywords: tokens.flatMap((token) => token.keywords), matcher: tokenMatcher(tokens) };
}

function checkOf(entry: RuleEntry): Check['check'] | undefined {
  if (entry.check === undefined) return undefined;
  const found = checks[entry.check];
  if (found === undefined) {
    throw new TokenError(`no check is called ${entry.check}; there are ${Object.keys(checks).join(' ')}`);
  }
  return (value) => found.check(value);
}

function detectorOf(entry: RuleEntry): Detector | undefined {
  if (entry.detector === undefined) return undefined;
  const found = detectors[entry.detector];
  if (found === undefined) {
    throw new TokenError(
      `no detector is called ${entry.detector}; there are ${Object.keys(detectors).join(' ')}`,
    );
  }
  return found;
}

// A right checksum outweighs a look that is too regular; a wrong one does not.
function judge(
  value: string,
  tokens: readonly CompiledToken[],
  check: Check['check'] | undefined,
): CheckResult {
  if (isDocumented(value)) return 'placeholder';
  const result = check?.(value) ?? 'unknown';
  if (result === 'valid' || result === 'placeholder') return result;
  return tokens.length > 0 && isPlaceholder(variablePart(value, tokens)) ? 'placeholder' : result;
}

function variablePart(value: string, tokens: readonly CompiledToken[]): string {
  let prefix = 0;
  for (const token of tokens) {
    for (const keyword of token.leading) {
      if (keyword.length > prefix && value.startsWith(keyword)) prefix = keyword.length;
    }
  }
  return value.slice(prefix);
}

function valueFilter(entry: RuleEntry, tokens: readonly CompiledToken[]): (value: string) => boolean {
  const stop = (entry.stop ?? []).map((word) => word.toLowerCase());
  const { entropy, generated } = entry;
  return (value) => {
    const folded = value.toLowerCase();
    if (stop.some((word) => folded.includes(word))) return false;
    if (generated === true && !readsGenerated(value)) return false;
    return entropy === undefined || entropyOf(variablePart(value, tokens)) >= entropy;
  };
}

function pathFilter(entry: RuleEntry): (path: string) => boolean {
  const wanted = entry.path === undefined ? () => true : pathGlobs(entry.path);
  const unwanted = entry.notPath === undefined ? () => false : pathGlobs(entry.notPath);
  return (path) => wanted(path) && !unwanted(path);
}

/** Bits for each character, Shannon's. */
export function entropyOf(text: string): number {
  const counts = new Map<string, number>();
  for (const char of text) counts.set(char, (counts.get(char) ?? 0) + 1);
  let bits = 0;
  for (const count of counts.values()) bits -= (count / text.length) * Math.log2(count / text.length);
  return bits;
}
