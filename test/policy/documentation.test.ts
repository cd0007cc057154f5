import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileTypes } from '../../src/domain/facts.ts';
import { testPolicy } from '../../src/policy/cases.ts';
import { policyJsonSchema } from '../../src/policy/json-schema.ts';
import { loadPolicy } from '../../src/policy/load.ts';
import { accessKeys, checkKeys, fileKeys, ruleKeys } from '../../src/policy/schema.ts';
import { caseKeys } from '../../src/policy/schema-cases.ts';
import { conditionKeys, innerKeys } from '../../src/policy/schema-when.ts';
import { root } from '../support/root.ts';

const page = readFileSync(join(root, 'docs/policy.md'), 'utf8');
const blocks = [...page.matchAll(/```yaml\n([\s\S]*?)```/g)].map((match) => match[1] ?? '');

test('every example of docs/policy.md is a valid policy, and its cases pass', () => {
  assert.ok(blocks.length > 25, `only ${blocks.length} examples`);
  for (const block of blocks) {
    const access = 'access:\n  - { who: { group: dev }, repo: "acme/*", may: [read, write] }\n';
    const text = /^access:/m.test(block) ? block : `${access}${block}`;
    for (const result of testPolicy(text, 'docs/policy.md'))
      assert.ok(result.passed, `${result.name}: ${result.detail}`);
  }
});

test('docs/policy.md names every key of the language, and every type of file', () => {
  const keys = [
    ...fileKeys,
    ...accessKeys,
    ...ruleKeys,
    ...checkKeys,
    ...conditionKeys,
    ...Object.values(innerKeys).flat(),
    ...caseKeys,
    ...fileTypes,
  ];
  for (const key of keys) assert.ok(page.includes(`\`${key}\``), key);
});

test('docs/policy.schema.json is made of the schema that policies are read with; npm run docs writes it', () => {
  const kept = readFileSync(join(root, 'docs/policy.schema.json'), 'utf8');
  assert.equal(kept, `${JSON.stringify(policyJsonSchema(), null, 2)}\n`);
});

test('the schema for editors knows every key, and takes one item for a list', () => {
  const text = JSON.stringify(policyJsonSchema());
  for (const key of [...accessKeys, ...conditionKeys, ...Object.values(innerKeys).flat(), ...caseKeys])
    assert.ok(text.includes(`"${key}":`), key);
  assert.doesNotMatch(text, /oneOrMany/);
  assert.match(text, /"ref":\{"anyOf":\[\{"type":"string"\},\{"minItems":1,"type":"array"/);
});

test('the ready policies are valid under the name that docs/policy.md gives them', () => {
  for (const name of ['open', 'protect-main', 'ai-agent', 'regulated']) {
    assert.ok(page.includes(`\`${name}\``), name);
    const file = `fixtures/policy/${name}.yaml`;
    assert.ok(loadPolicy(readFileSync(join(root, file), 'utf8'), file).cases.length > 0);
  }
});
