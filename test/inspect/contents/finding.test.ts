import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { UnknownFact } from '../../../src/domain/facts.ts';
import { FoundList } from '../../../src/inspect/contents/finding.ts';

test('what is too much to be listed is counted, history and content by themselves', () => {
  const found = new FoundList();
  const miss = (what: UnknownFact['what'], text: string) => found.miss({ what, text });
  for (let n = 0; n < 1_002; n++) miss('content', `file ${n}`);
  miss('history', 'a tree is not there');
  assert.equal(found.unknowns.length, 1_002);
  assert.deepEqual(found.unknowns.slice(1_000), [
    { what: 'history', text: '1 more unknown facts are not listed' },
    { what: 'content', text: '2 more unknown facts are not listed' },
  ]);
});
