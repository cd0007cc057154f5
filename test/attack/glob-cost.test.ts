/**
 * Attack: a pattern or a ref name that makes matching take for ever.
 *  1. Somebody who may edit the policy, or copies a pattern into it, writes
 *     `*a*a*a*a...b`, on which a backtracking matcher is exponential.
 *  2. A client pushes a ref whose name is `aaaa...`, as long as a pkt-line allows.
 *  3. The gateway's one thread is busy, and nobody else is served.
 * The cost is counted in steps, never more than pattern x text.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Glob } from '../../src/policy/glob.ts';

test('matching costs at most the length of the pattern times the length of the text', () => {
  const text = 'a'.repeat(60_000);
  for (const unit of ['*a', '**/', '?*', '[a-z]*', 'a**', '*/**/']) {
    const source = `${unit.repeat(Math.floor(120 / unit.length))}b`;
    const meter = { steps: 0 };
    assert.equal(new Glob(source).matches(text, meter), false);
    assert.ok(meter.steps <= (source.length + 1) * (text.length + 1), `${source}: ${meter.steps} steps`);
  }
});
