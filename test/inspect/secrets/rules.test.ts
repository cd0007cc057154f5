import assert from 'node:assert/strict';
import test from 'node:test';
import type { Confidence } from '../../../src/domain/facts.ts';
import { checks } from '../../../src/inspect/secrets/checks/index.ts';
import type { SecretMatch } from '../../../src/inspect/secrets/match.ts';
import { confidenceOf, type SecretRule } from '../../../src/inspect/secrets/rule.ts';
import { defaultRules, loadRules, readDefaultRules } from '../../../src/inspect/secrets/rules/load-rules.ts';
import type { RuleEntry } from '../../../src/inspect/secrets/rules/rule-file.ts';
import { expandTemplate } from '../../../src/inspect/secrets/rules/template.ts';
import { seededRandom } from '../../../src/inspect/secrets/rules/token-sample.ts';
import { Scanner } from '../../../src/inspect/secrets/scanner.ts';

const entries = readDefaultRules();
const entryById = new Map(entries.map(({ entry }) => [entry.id, entry]));
const ruleById = new Map(defaultRules().map((rule) => [rule.id, rule]));
const everything = new Scanner(defaultRules());
const rank: Readonly<Record<Confidence, number>> = { high: 0, medium: 1, low: 2 };

const scan = (scanner: Scanner, text: string): readonly SecretMatch[] => {
  const { matches, unscanned } = scanner.scan(Buffer.from(text, 'latin1'));
  assert.deepEqual(unscanned, []);
  return matches;
};

function* samplesOf(
  templates: readonly string[],
  entry: RuleEntry,
): Generator<[template: string, sample: string]> {
  const first = 1000 + entry.id.length * 7;
  for (let seed = first; seed < first + 3; seed++) {
    const random = seededRandom(seed);
    const partner = entryById.get(entry.partner ?? '');
    for (const template of templates) yield [template, expandTemplate(template, entry, random, partner)];
  }
}

const expected = (rule: SecretRule, entry: RuleEntry, template: string): readonly Confidence[] => {
  if (template.includes('{token!}')) return ['low'];
  const proven = checks[entry.check ?? '']?.complete !== undefined && template.includes('{token}');
  return proven ? [confidenceOf(rule, 'valid'), confidenceOf(rule, 'unknown')] : ['high', 'medium', 'low'];
};

for (const { entry, file } of entries) {
  const rule = ruleById.get(entry.id) as SecretRule;
  if (rule.matcher === undefined) continue;
  const alone = new Scanner([rule]);

  test(`${file}: ${entry.id} finds its true samples, alone and among all, and its false ones not`, () => {
    for (const [template, sample] of samplesOf(entry.true, entry)) {
      const own = scan(alone, sample);
      assert.ok(own.length > 0, `${template} was not found: ${sample}`);
      for (const { rule: found, confidence } of own) {
        assert.equal(found.tier, entry.tier);
        assert.ok(expected(rule, entry, template).includes(confidence), `${confidence}: ${sample}`);
      }
      const among = scan(everything, sample);
      for (const { start, end, confidence } of own) {
        const covered = among.some(
          (match) => match.start < end && start < match.end && rank[match.confidence] <= rank[confidence],
        );
        assert.ok(covered, `${template} is lost among all rules: ${sample}`);
      }
    }
    for (const [template, sample] of samplesOf(entry.false, entry)) {
      const found = scan(alone, sample).filter(({ confidence }) => confidence !== 'low');
      assert.deepEqual(found, [], `${template} was found: ${sample}`);
    }
  });
}

for (const { entry, file } of entries.filter(({ entry }) => entry.secretPath !== undefined)) {
  test(`${file}: ${entry.id} tells its files by their paths`, () => {
    const rule = ruleById.get(entry.id) as SecretRule;
    for (const glob of entry.secretPath ?? []) {
      assert.equal(rule.isSecretPath?.(glob.replaceAll('**/', 'a/b/').replaceAll('*', 'x')), true, glob);
    }
    assert.equal(rule.isSecretPath?.('README.md'), false);
  });
}

test('there are at least 200 formats, and each has an id of its own', () => {
  assert.ok(entries.length >= 200, `${entries.length}`);
  assert.equal(ruleById.size, entries.length);
});

test('no rule without keywords slows every scan down', () => {
  for (const { id, keywords, isSecretPath } of defaultRules()) {
    assert.ok(keywords.length > 0 || isSecretPath !== undefined, id);
  }
});

const lines = (extra: string): string => `
[[rule]]
id = "acme-key"
family = "acme"
title = "Acme key"
tier = "B"
true = ["{token}"]
false = ["acme"]
${extra}`;

const mistakes: readonly (readonly [what: string, toml: string, says: RegExp])[] = [
  ['broken TOML', '[[rule', /^.*x\.toml:1:\d+: .*; correct the TOML$/],
  ['another table', '[rules]\na = 1', /x\.toml: .*a rule file holds \[\[rule\]\] and nothing else/],
  ['an unknown key', lines('tokn = "acme_{an:20}"'), /x\.toml: rule acme-key: .*tokn/],
  ['no token', lines(''), /a rule needs a token, a detector or a secretPath/],
  ['an unknown class', lines('token = "acme_{word:20}"'), /no class is called word; there are an alpha/],
  [
    'no literal',
    lines('token = "{an:20}"'),
    /no three literal bytes to look for; give the rule keywords or a partner/,
  ],
  [
    'an unknown check',
    lines('token = "acme_{an:20}"\ncheck = "luck"'),
    /no check is called luck; there are /,
  ],
  ['an unknown detector', lines('detector = "luck"'), /no detector is called luck; there are /],
  [
    'an unknown partner',
    lines('token = "{an:20}"\npartner = "nobody"'),
    /no rule is called nobody; correct partner/,
  ],
  ['an id twice', lines('token = "acme_{an:20}"').repeat(2), /the id is taken; choose another/],
];

for (const [what, toml, says] of mistakes) {
  test(`${what} in a rule file is told with the file, the rule and what to do`, () => {
    assert.throws(() => loadRules(toml, 'x.toml'), {
      code: 'SECRET_RULES_INVALID',
      blame: 'operator',
      message: says,
    });
  });
}
