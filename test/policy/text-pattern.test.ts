import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TextPattern, TextPatternError } from '../../src/policy/text-pattern.ts';

test('a pattern that would keep a backtracking engine busy for years answers', () => {
  const text = `${'a'.repeat(16_000)}!`;
  for (const source of ['(a+)+$', '^(a|aa)+$', '(a*)*b', '(.*a){12}b'])
    assert.equal(new TextPattern(source).found(text), false, source);
});

test('a pattern is found anywhere, and flags are those of RE2', () => {
  assert.equal(new TextPattern('[A-Z]{2,10}-\\d+').found('mend it (WEB-12)'), true);
  assert.equal(new TextPattern('(?i)^wip').found('WIP: x'), true);
  assert.equal(new TextPattern('(?m)^Reviewed-by: ').found('x\n\nReviewed-by: ada\n'), true);
  assert.equal(new TextPattern('^x$').found('y'), false);
});

test('what RE2 has not is refused, and so is what every text holds', () => {
  for (const source of ['', '(?=x)', '(?<!x)y', '(x)\\1', '(', 'x{2000}', 'a'.repeat(1001)])
    assert.throws(() => new TextPattern(source), TextPatternError, source);
});
