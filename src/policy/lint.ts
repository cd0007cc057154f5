import { lintAsk, reportAsk } from './lint-ask.ts';
import { lintRead, reportOverruled } from './lint-read.ts';
import { didYouMean } from './nearest.ts';
import type { PolicySource } from './problems.ts';

// What a schema cannot say is checked on the plain value, so that it is told together with the schema's own problems.

type Entry = { readonly path: readonly (string | number)[]; readonly map: Readonly<Record<string, unknown>> };

function isMap(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function entries(source: PolicySource, key: string): readonly Entry[] {
  const list = isMap(source.value) ? source.value[key] : undefined;
  if (!Array.isArray(list)) return [];
  return list.flatMap((map: unknown, index) => (isMap(map) ? [{ path: [key, index], map }] : []));
}

/** Everything that is wrong with a policy although each key by itself is right. */
export function lintPolicy(source: PolicySource): void {
  lintAccess(source);
  const names = lintRules(source);
  lintChecks(source);
  lintAllowed(source);
  lintCases(source, names);
}

function lintAccess(source: PolicySource): void {
  for (const { path, map } of entries(source, 'access')) {
    const { who, may } = map;
    lintWho(source, [...path, 'who'], who);
    lintRead(source, { path, map });
    if ([may].flat().includes('write')) continue;
    for (const key of ['only', 'alsoRefs', 'pushOptions'])
      if (Object.hasOwn(map, key))
        source.report([...path, key], `"${key}" has no effect without may: write; remove it, or add write`);
  }
}

function lintRules(source: PolicySource): ReadonlySet<unknown> {
  const seen = new Set<unknown>();
  for (const { path, map } of entries(source, 'rules')) {
    const { name, when, say, then } = map;
    if (seen.has(name))
      source.report([...path, 'name'], `the rule name "${String(name)}" is used twice; rename one`);
    if (name !== undefined) seen.add(name);
    if (say !== undefined && then === 'allow')
      source.report([...path, 'say'], '"say" is told only to who is denied, asked or warned; remove it');
    lintCondition(source, [...path, 'when'], when);
    if (isMap(then) && isMap(then['ask'])) lintAsk(source, [...path, 'then', 'ask'], then['ask'], when);
  }
  return seen;
}

function lintCondition(source: PolicySource, path: Entry['path'], value: unknown): void {
  if (!isMap(value)) return;
  const { who, not: negated } = value;
  lintWho(source, [...path, 'who'], who);
  for (const key of ['file', 'commit', 'push', 'time'])
    if (isMap(value[key]) && Object.keys(value[key]).length === 0)
      source.report([...path, key], `"${key}" is empty and asks for nothing; remove it, or name a key of it`);
  lintChange(source, path, value);
  if (value['secret'] !== undefined && value['unknown'] !== undefined)
    source.report(
      [...path, 'unknown'],
      'nothing is both a secret and unknown, so that this never matches; put the two under "any"',
    );
  for (const key of ['any', 'all']) {
    const list = value[key];
    if (Array.isArray(list))
      list.forEach((item: unknown, index) => {
        lintCondition(source, [...path, key, index], item);
      });
  }
  if (isMap(negated) && Object.keys(negated).length === 0)
    source.report([...path, 'not'], '"not" is empty and never matches; remove it, or name what it excludes');
  lintCondition(source, [...path, 'not'], negated);
}

/** `delete` is a ref's or a file's, and beside words of both nobody could tell whose. */
function lintChange(source: PolicySource, path: Entry['path'], value: Entry['map']): void {
  const listed = [value['change']].flat();
  const ofRef = listed.find((one) =>
    ['create', 'update', 'fast-forward', 'non-fast-forward'].includes(String(one)),
  );
  const ofFile = listed.find((one) => ['add', 'modify', 'rename', 'mode'].includes(String(one)));
  const aboutFiles = ['path', 'file', 'brings'].some((key) => value[key] !== undefined);
  if (ofRef === undefined || !(ofFile !== undefined || (aboutFiles && listed.includes('delete')))) return;
  const other = ofFile ?? 'delete';
  source.report(
    [...path, 'change'],
    `"${String(ofRef)}" is what happens to a ref and "${String(other)}" what happens to a file; put them into two conditions under "any" or "all"`,
  );
}

function lintWho(source: PolicySource, path: Entry['path'], value: unknown): void {
  if (isMap(value) && Object.keys(value).length === 0)
    source.report(path, '"who" names nobody; give user, group or kind, or user: "**" for everybody');
}

/** The terms of a check that asks people, and where they stand. */
function askedByChecks(source: PolicySource): readonly Entry[] {
  const checks = isMap(source.value) ? source.value['checks'] : undefined;
  if (!isMap(checks)) return [];
  return Object.entries(checks).flatMap(([name, effect]) =>
    isMap(effect) && isMap(effect['ask']) ? [{ path: ['checks', name, 'ask'], map: effect['ask'] }] : [],
  );
}

function lintChecks(source: PolicySource): void {
  for (const { path, map } of askedByChecks(source)) lintAsk(source, path, map, undefined);
}

/** The lines of `secrets: allow:`, and where each stands. */
function allowedLines(source: PolicySource): readonly Entry[] {
  const secrets = isMap(source.value) ? source.value['secrets'] : undefined;
  const list = isMap(secrets) ? secrets['allow'] : undefined;
  if (!Array.isArray(list)) return [];
  return list.flatMap((map: unknown, index) =>
    isMap(map) ? [{ path: ['secrets', 'allow', index], map }] : [],
  );
}

function lintAllowed(source: PolicySource): void {
  for (const { path, map } of allowedLines(source))
    if (['fingerprint', 'rule', 'path'].every((key) => map[key] === undefined))
      source.report(path, 'the line accepts every secret; name a fingerprint, a rule or a path');
}

/** Lines of `secrets: allow:` that have run out at this time (RFC 3339) and no longer count. */
export function reportExpired(source: PolicySource, at: string): void {
  for (const { path, map } of allowedLines(source)) {
    const { until } = map;
    if (typeof until === 'string' && until < at.slice(0, 10))
      source.report(
        [...path, 'until'],
        `the line has not counted since ${until}; remove it, or set a later day`,
      );
  }
}

/** Asks that deserve a look. */
export function reportAsks(source: PolicySource): void {
  for (const { path, map } of askedByChecks(source)) reportAsk(source, path, map, undefined);
  for (const { path, map } of entries(source, 'rules')) {
    const { then, when } = map;
    if (isMap(then) && isMap(then['ask'])) reportAsk(source, [...path, 'then', 'ask'], then['ask'], when);
  }
}

/** Lines of `access` whose `read` never counts. */
export function reportReads(source: PolicySource): void {
  reportOverruled(source, entries(source, 'access'));
}

const patternKeys = ['repo', 'ref', 'path', 'only', 'alsoRefs'];

/** Braces in patterns, which other tools read as alternatives, and ours as they stand. */
export function reportBraces(source: PolicySource): void {
  const look = (value: unknown, path: Entry['path'], isPattern: boolean): void => {
    if (typeof value === 'string' && isPattern && /\{(?!user\})/.test(value))
      source.report(
        path,
        `"${value}" means braces as they stand: only {user} is replaced; write alternatives as a list`,
      );
    if (Array.isArray(value))
      value.forEach((one: unknown, at) => {
        look(one, [...path, at], isPattern);
      });
    else if (isMap(value))
      for (const [key, one] of Object.entries(value)) look(one, [...path, key], patternKeys.includes(key));
  };
  for (const list of ['access', 'rules'])
    for (const { path, map } of entries(source, list)) look(map, path, false);
}

/** Cases: who acts, what is tried, and that the rules they name are there. */
export function lintCases(source: PolicySource, rules?: ReadonlySet<unknown>): void {
  for (const { path, map } of entries(source, 'tests')) {
    const { user, who, updates, may, commits, read, expect } = map;
    if ((user === undefined) === (who === undefined))
      source.report(path, 'give either "user" or "who", so that it is clear who acts');
    if ((updates === undefined) === (may === undefined))
      source.report(path, 'give either "updates" or "may", so that it is clear what is tried');
    if (may !== undefined)
      for (const key of [
        'commits',
        'files',
        'secrets',
        'pushOptions',
        'hidden',
        'placeholders',
        'unknown',
        'rules',
        'asks',
      ])
        if (map[key] !== undefined)
          source.report([...path, key], `"${key}" belongs to a push; describe it with "updates"`);
    if (read !== undefined && (may !== 'read' || expect !== 'allow'))
      source.report(
        [...path, 'read'],
        '"read" is compared where something is read; write may: read and expect: allow',
      );
    const last = Array.isArray(commits) ? Math.max(1, commits.length) : 1;
    for (const key of ['files', 'secrets'])
      [map[key]].flat().forEach((one: unknown, index) => {
        if (isMap(one) && typeof one['commit'] === 'number' && one['commit'] > last)
          source.report([...path, key, index, 'commit'], `there are only ${last} commits in this case`);
      });
    if (map['asks'] !== undefined && updates !== undefined && map['expect'] !== 'ask')
      source.report([...path, 'asks'], '"asks" is compared where somebody is asked; write expect: ask');
    if (rules) lintNamed(source, path, map, rules);
  }
}

/** Names that are in the reasons without being a rule of the file. */
const builtIn = [
  'ACCESS_DENIED',
  'REF_NAMESPACE',
  'PUSH_OPTION_DENIED',
  'HIDDEN_OBJECTS',
  'CONTENT_UNSCANNED',
  'HISTORY_UNKNOWN',
  'PLACEHOLDER_MOVED',
];

function lintNamed(
  source: PolicySource,
  path: Entry['path'],
  map: Entry['map'],
  rules: ReadonlySet<unknown>,
) {
  const { rule, rules: listed } = map;
  const named: readonly (readonly [Entry['path'], unknown])[] = [
    ...(rule === undefined ? [] : [[[...path, 'rule'], rule] as const]),
    ...(Array.isArray(listed) ? listed.map((one, at) => [[...path, 'rules', at], one] as const) : []),
  ];
  const known = new Set<unknown>([...rules, ...builtIn]);
  for (const [place, name] of named)
    if (typeof name === 'string' && !known.has(name)) {
      const near = didYouMean(
        name,
        [...known].filter((one) => typeof one === 'string'),
      );
      source.report(place, `no rule is named "${name}"${near}${near === '' ? '; name one of the file' : ''}`);
    }
}
