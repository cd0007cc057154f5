import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { loadGitleaks } from '../../../src/inspect/secrets/gitleaks/load-gitleaks.ts';
import { UserPattern } from '../../../src/inspect/secrets/gitleaks/pattern.ts';
import { Scanner } from '../../../src/inspect/secrets/scanner.ts';

/** Patterns as public configurations have them, with the words that the text below is made of. */
const rules = [
  { regex: '\\bkx_[a-z0-9]{4,6}\\b', keywords: ['kx_'] },
  {
    regex: '(?i)[\\w.-]{0,5}?(?:key|api)[ \\w]{0,3}(?:=|=>|:)[\\x60\'" ]{0,2}([a-f0-9]{4,6})(?:[\'" ;]|$)',
    keywords: ['key', 'api'],
  },
  { regex: '(?:^|[^a-z])(?:key|api)=([0-9]+)', keywords: ['key', 'api'] },
  { regex: 'x?key([0-9]{2})\\z', keywords: ['key'] },
  { regex: '[a-f]{3}[0-9]{3}', keywords: ['api'] },
  { regex: '(?m)^api[^\\n]{0,4}7$', keywords: [] },
] as const;

const word = fc.constantFrom(
  'key',
  'Api',
  'kx_',
  'abc',
  '123',
  'a7',
  '=',
  '=>',
  ' ',
  '"',
  ';',
  '\n',
  'x',
  '-',
  '0f',
);
const text = fc.array(word, { maxLength: 30 }).map((words) => words.join(''));

for (const [index, { regex, keywords }] of rules.entries())
  test(`whatever ${regex} finds in a text that holds a keyword, the engine finds with it`, () => {
    const toml = `[[rules]]\nid = "r"\nregex = '''${regex}'''\nkeywords = ${JSON.stringify(keywords)}\n`;
    const scanner = new Scanner(loadGitleaks(toml, 'x.toml').rules, { depth: 0 });
    const pattern = new UserPattern(regex);
    fc.assert(
      fc.property(text, (input) => {
        const on = keywords.length === 0 || keywords.some((one) => input.toLowerCase().includes(one));
        const expected = on
          ? [...pattern.all(input)].map(({ groups }) => (groups[1] ?? groups[0] ?? [0, 0]).join('-'))
          : [];
        const found = new Set(
          scanner.scan(Buffer.from(input, 'latin1')).matches.map(({ start, end }) => `${start}-${end}`),
        );
        for (const one of expected) assert.ok(found.has(one), `${JSON.stringify(input)} lacks ${one}`);
        if (!on) assert.equal(found.size, 0);
      }),
      { numRuns: 1_000, seed: index + 1 },
    );
  });
