/**
 * gitleaks' file format (gitleaks 8, README, "Configuration"), read and merged
 * with what it extends, before any pattern of it is compiled.
 */
import { invalidRules } from '../rules/rule-file.ts';
import { quote, readToml, type TomlTable } from './toml-table.ts';

export interface AllowEntry {
  readonly where: string;
  readonly every: boolean;
  readonly commits: readonly string[];
  readonly paths: readonly string[];
  readonly regexes: readonly string[];
  readonly regexTarget: 'secret' | 'match' | 'line';
  readonly stopwords: readonly string[];
  /** Ids of the rules that it is for; empty for all. Of lists outside rules only. */
  readonly targetRules: readonly string[];
}

export interface RequiredEntry {
  readonly id: string;
  readonly withinLines?: number;
  readonly withinColumns?: number;
}

export interface GitleaksEntry {
  readonly id: string;
  readonly where: string;
  readonly description?: string;
  readonly regex?: string;
  readonly path?: string;
  readonly entropy?: number;
  readonly secretGroup?: number;
  readonly keywords: readonly string[];
  readonly tags: readonly string[];
  readonly allow: readonly AllowEntry[];
  readonly required: readonly RequiredEntry[];
  readonly skipReport: boolean;
}

export interface GitleaksFile {
  readonly rules: readonly GitleaksEntry[];
  readonly allow: readonly AllowEntry[];
  readonly usesDefaults: boolean;
  readonly disabledRules: readonly string[];
  readonly warnings: readonly string[];
}

/** Files that extend one another. */
const maxExtends = 4;

/** Keys whose value is a program; running what a rule file says is not what a rule file is for. */
const expressions = ['expr', 'expression', 'filter', 'prefilter', 'cel', 'condition_expr'];

/**
 * Reads a file and those that it extends. Throws SECRET_RULES_INVALID
 * (operator), naming file and rule. `readFile` gives the text of a path; without it no file can be extended.
 */
export function readGitleaks(
  toml: string,
  file: string,
  readFile?: (path: string) => string,
  above: readonly string[] = [],
): GitleaksFile {
  const table = readToml(toml, file);
  for (const key of ['title', 'description', 'minVersion']) table.text(key);
  refuseExpressions(table);
  const warnings: string[] = [];
  const own: GitleaksFile = {
    rules: table.tables('rules').map((one, index) => readRule(one, file, index, warnings)),
    allow: [...table.tables('allowlist'), ...table.tables('allowlists')].map((one) =>
      readAllow(one, warnings),
    ),
    ...readExtend(table),
    warnings,
  };
  const [extend] = table.tables('extend');
  warnSpare(table, warnings);
  refuseTwice(own.rules, file);
  const path = extend?.text('path');
  return path === undefined ? own : mergeFiles(readBase(path, file, readFile, above), own);
}

function readExtend(table: TomlTable): Pick<GitleaksFile, 'usesDefaults' | 'disabledRules'> {
  const [extend] = table.tables('extend');
  if (extend?.has('url'))
    throw invalidRules(
      `${extend.where}: url = ${quote(extend.text('url'))} is refused, because rules are not fetched from the network; download the file and name it with path`,
    );
  return {
    usesDefaults: extend?.flag('useDefault') ?? false,
    disabledRules: extend?.texts('disabledRules') ?? [],
  };
}

function readBase(
  path: string,
  file: string,
  readFile: ((path: string) => string) | undefined,
  above: readonly string[],
): GitleaksFile {
  const named = `${file}: extend: path = ${quote(path)}`;
  if (!readFile) throw invalidRules(`${named} is refused here; put the rules of both files into one`);
  const chain = [...above, file];
  if (chain.includes(path)) throw invalidRules(`${named} extends itself; take one of the two extends away`);
  if (chain.length > maxExtends)
    throw invalidRules(`${named} is more than ${maxExtends} files deep; put their rules into one file`);
  let text: string;
  try {
    text = readFile(path);
  } catch (cause) {
    throw invalidRules(`${named} cannot be read; name a file that is there`, cause);
  }
  return readGitleaks(text, path, readFile, chain);
}

function mergeFiles(base: GitleaksFile, own: GitleaksFile): GitleaksFile {
  const ownById = new Map(own.rules.map((rule) => [rule.id, rule]));
  const kept = base.rules
    .filter(({ id }) => !own.disabledRules.includes(id))
    .map((rule) => mergeRules(rule, ownById.get(rule.id)));
  const known = new Set(base.rules.map(({ id }) => id));
  return {
    rules: [...kept, ...own.rules.filter(({ id }) => !known.has(id))],
    allow: [...base.allow, ...own.allow],
    usesDefaults: base.usesDefaults || own.usesDefaults,
    disabledRules: [...base.disabledRules, ...own.disabledRules],
    warnings: [...base.warnings, ...own.warnings],
  };
}

/** What the file says of a rule of the one that it extends: single values replace, lists are added. */
function mergeRules(base: GitleaksEntry, own: GitleaksEntry | undefined): GitleaksEntry {
  if (!own) return base;
  return {
    ...base,
    ...own,
    keywords: [...base.keywords, ...own.keywords],
    tags: [...base.tags, ...own.tags],
    allow: [...base.allow, ...own.allow],
    required: [...base.required, ...own.required],
  };
}

function readRule(table: TomlTable, file: string, index: number, warnings: string[]): GitleaksEntry {
  const id = table.text('id');
  if (id === undefined || id === '')
    throw invalidRules(`${file}: rule ${index + 1} has no id; give it a name of its own`);
  const rule = table.named(`${file}: rule ${quote(id)}`);
  rule.text('id');
  refuseExpressions(rule);
  if (rule.has('validate') || rule.has('validation'))
    warnings.push(`${rule.where}: validate is never run; the rule works without it`);
  const read = {
    description: rule.text('description'),
    regex: rule.text('regex'),
    path: rule.text('path'),
    entropy: rule.number('entropy'),
    secretGroup: rule.count('secretGroup'),
  };
  const entry: GitleaksEntry = {
    id,
    where: rule.where,
    ...(Object.fromEntries(
      Object.entries(read).filter(([, value]) => value !== undefined && value !== ''),
    ) as Partial<GitleaksEntry>),
    keywords: rule
      .texts('keywords')
      .map((word) => word.toLowerCase())
      .filter((word) => word !== ''),
    tags: rule.texts('tags'),
    allow: [...rule.tables('allowlist'), ...rule.tables('allowlists')].map((one) => readAllow(one, warnings)),
    required: rule.tables('required').map(readRequired),
    skipReport: rule.flag('skipReport'),
  };
  warnSpare(rule, warnings);
  return entry;
}

function readRequired(table: TomlTable): RequiredEntry {
  const id = table.text('id');
  if (id === undefined) throw invalidRules(`${table.where} has no id; name the rule that is required`);
  const [lines, columns] = [table.count('withinLines'), table.count('withinColumns')];
  return {
    id,
    ...(lines === undefined ? {} : { withinLines: lines }),
    ...(columns === undefined ? {} : { withinColumns: columns }),
  };
}

function readAllow(table: TomlTable, warnings: string[]): AllowEntry {
  table.text('description');
  refuseExpressions(table);
  const entry: AllowEntry = {
    where: table.where,
    every: oneOf(table, 'condition', { '': false, OR: false, '||': false, AND: true, '&&': true }),
    commits: table.texts('commits').map((oid) => oid.toLowerCase()),
    paths: table.texts('paths'),
    regexes: table.texts('regexes'),
    regexTarget: oneOf(table, 'regexTarget', {
      '': 'secret',
      SECRET: 'secret',
      MATCH: 'match',
      LINE: 'line',
    }),
    stopwords: table.texts('stopwords').map((word) => word.toLowerCase()),
    targetRules: table.texts('targetRules'),
  };
  if (![entry.commits, entry.paths, entry.regexes, entry.stopwords].some((list) => list.length > 0))
    throw invalidRules(
      `${table.where} is empty; give it commits, paths, regexes or stopwords, or take it away`,
    );
  warnSpare(table, warnings);
  return entry;
}

function oneOf<T>(table: TomlTable, key: string, words: Readonly<Record<string, T>>): T {
  const given = table.text(key) ?? '';
  const upper = given.toUpperCase();
  if (!Object.hasOwn(words, upper))
    throw invalidRules(
      `${table.where}: ${key} = ${quote(given)} is not one of ${Object.keys(words).filter(Boolean).join(', ')}`,
    );
  return words[upper] as T;
}

function refuseExpressions(table: TomlTable): void {
  const key = expressions.find((one) => table.has(one));
  if (key !== undefined)
    throw invalidRules(
      `${table.where}: ${key} is an expression of betterleaks, which is not supported; say it with regex, entropy, stopwords and allowlists`,
    );
}

function refuseTwice(rules: readonly GitleaksEntry[], file: string): void {
  const ids = new Set<string>();
  for (const { id } of rules) {
    if (ids.has(id)) throw invalidRules(`${file}: two rules have the id ${quote(id)}; rename one of them`);
    ids.add(id);
  }
}

function warnSpare(table: TomlTable, warnings: string[]): void {
  for (const key of table.unknown())
    warnings.push(`${table.where}: the key ${key} is not known and means nothing`);
}
