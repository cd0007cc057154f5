import assert from 'node:assert/strict';
import { test } from 'node:test';
import { defaultRules, readDefaultRules } from '../../../src/inspect/secrets/rules/load-rules.ts';
import { expandTemplate } from '../../../src/inspect/secrets/rules/template.ts';
import { seededRandom } from '../../../src/inspect/secrets/rules/token-sample.ts';
import { Scanner } from '../../../src/inspect/secrets/scanner.ts';

const entries = new Map(readDefaultRules().map(({ entry }) => [entry.id, entry]));

function samplesOf(id: string): Buffer[] {
  const entry = entries.get(id);
  const partner = entries.get(entry?.partner ?? '');
  if (entry === undefined) return [];
  const random = seededRandom(7);
  return [...(entry.true ?? []), ...(entry.false ?? [])].map((template) =>
    Buffer.from(` ${expandTemplate(template, entry, random, partner)}\n`, 'latin1'),
  );
}

test('a first look turns no match away: where it says no, the matcher finds nothing', () => {
  let turnedAway = 0;
  for (const { id, keywords, ignoreCase, matcher } of defaultRules()) {
    if (matcher?.mayMatch === undefined) continue;
    for (const data of samplesOf(id)) {
      const text = data.toString('latin1');
      for (const keyword of keywords) {
        const searched = ignoreCase ? text.toLowerCase() : text;
        const wanted = ignoreCase ? keyword.toLowerCase() : keyword;
        for (let at = searched.indexOf(wanted); at !== -1; at = searched.indexOf(wanted, at + 1)) {
          if (matcher.mayMatch(data, 0, data.length, at, keyword)) continue;
          turnedAway++;
          assert.equal(matcher.find(data, 0, data.length, at, keyword), undefined, `${id} at ${at}`);
        }
      }
    }
  }
  assert.ok(turnedAway > 100);
});

test('source without secrets takes a small part of the work that the default rules may do', () => {
  const lines = [
    "import { readFile } from 'node:fs/promises';",
    'const key = map.get(name) ?? defaultKey; // see https://nodejs.org/api/fs.html',
    "export const token = (text: string): string => text.replace('a', 'b');",
    '{ "version": "1.2.3", "tarball": "https://packages.example.com/x/-/x-1.2.3.tgz", "dev": true },',
  ];
  const data = Buffer.alloc(1024 * 1024, `${lines.join('\n')}\n`);
  const scanner = new Scanner(defaultRules());
  assert.deepEqual(scanner.scan(data).unscanned, []);
  assert.ok(
    scanner.workOf(data) <= 20 * data.length,
    `${scanner.workOf(data) / data.length} units for each byte`,
  );
});
