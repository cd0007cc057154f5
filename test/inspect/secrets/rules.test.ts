import assert from 'node:assert/strict';
import test from 'node:test';
import { checks } from '../../../src/inspect/secrets/checks/index.ts';
import { confidenceOf, type SecretRule, type Span } from '../../../src/inspect/secrets/rule.ts';
import { defaultRules, readDefaultRules } from '../../../src/inspect/secrets/rules/load-rules.ts';
import { expandTemplate } from '../../../src/inspect/secrets/rules/template.ts';
import { seededRandom } from '../../../src/inspect/secrets/rules/token-sample.ts';

const entries = readDefaultRules();
const byId = new Map(defaultRules().map((rule) => [rule.id, rule]));
const entryById = new Map(entries.map(({ entry }) => [entry.id, entry]));

interface Found extends Span {
  readonly value: string;
  readonly confidence: string;
}

function* findAll(rule: SecretRule, text: string): Generator<Found> {
  const data = Buffer.from(text, 'latin1');
  const searched = rule.ignoreCase ? text.toLowerCase() : text;
  for (const keyword of rule.keywords) {
    const wanted = rule.ignoreCase ? keyword.toLowerCase() : keyword;
    for (let at = searched.indexOf(wanted); at !== -1; at = searched.indexOf(wanted, at + 1)) {
      const { before, after } = rule.matcher ?? assert.fail();
      const from = Math.max(0, at - before);
      const to = Math.min(data.length, at + keyword.length + after);
      const span = rule.matcher?.find(data, from, to, at, keyword);
      if (span === undefined) continue;
      const value = text.slice(span.start, span.end);
      const result = rule.check?.(value) ?? 'unknown';
      if (result === 'placeholder' || rule.admit?.(value, text) === false) continue;
      yield { ...span, value, confidence: confidenceOf(rule, result) };
    }
  }
}

for (const [index, { entry, file }] of entries.entries()) {
  const rule = byId.get(entry.id) as SecretRule;
  const partner = entryById.get(entry.partner ?? '');
  if (rule.matcher === undefined) continue;

  test(`${file}: ${entry.id} finds its true samples, and its false ones not`, () => {
    for (let seed = 1; seed <= 3; seed++) {
      const random = seededRandom(index * 10 + seed);
      for (const template of entry.true) {
        const sample = expandTemplate(template, entry, random, partner);
        const found = [...findAll(rule, sample)];
        assert.ok(found.length > 0, `${template} was not found: ${sample}`);
        const certain = template.includes('{token}') && checks[entry.check ?? '']?.complete !== undefined;
        if (certain)
          assert.ok(
            found.some(({ confidence }) => confidence === confidenceOf(rule, 'valid')),
            sample,
          );
        if (template.includes('{token!}'))
          assert.ok(
            found.every(({ confidence }) => confidence === 'low'),
            sample,
          );
      }
      for (const template of entry.false) {
        const sample = expandTemplate(template, entry, random, partner);
        assert.deepEqual(
          [...findAll(rule, sample)].filter(({ confidence }) => confidence !== 'low'),
          [],
          template,
        );
      }
    }
  });
}
