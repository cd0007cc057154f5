import assert from 'node:assert/strict';
import { test } from 'node:test';
import { KeptLines } from '../../../src/mask/restore/kept-lines.ts';

test('a file of very many secrets is taken in', () => {
  const content = Buffer.from([1, 0, 2]);
  const span = { start: 0, end: 1, viewStart: 0, viewEnd: 1, rule: 'x', placeholder: 'p', secret: content };
  const kept = new KeptLines();
  kept.addVersion(content, { content, spans: Array.from({ length: 300_000 }, () => span) });
  assert.equal(kept.spans.length, 300_000);
  assert.deepEqual(kept.take('p'), content);
});
