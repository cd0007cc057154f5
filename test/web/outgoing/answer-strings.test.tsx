import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { renderToString } from 'preact-render-to-string';
import { htmlStrings, jsonStrings } from '../../../src/web/outgoing/answer-strings.ts';
import { hideOids } from '../../../src/web/outgoing/hide-oids.ts';

const text = fc.string({ unit: 'binary', minLength: 1, maxLength: 60 }).filter((one) => one.trim() !== '');

function page(words: string, title: string): string {
  return renderToString(
    <main>
      <p title={title}>{words}</p>
      <form action="/-/pushes?ref=a%2Fb">
        <input type="hidden" name="csrf" value="deadbeefdeadbeef" />
        <textarea name="reason">{words}</textarea>
        <input name="repo" value={title} />
      </form>
    </main>,
  );
}

test('an answer that is taken apart and put together again unchanged is the same, byte for byte', () => {
  fc.assert(
    fc.property(text, text, (words, title) => {
      const html = page(words, title);
      assert.equal(
        htmlStrings(html).replaced((one) => one),
        html,
      );
    }),
  );
  fc.assert(
    fc.property(fc.json(), (json) => {
      const body = JSON.stringify(JSON.parse(json));
      assert.equal(
        jsonStrings(body).replaced((one) => one),
        body,
      );
    }),
  );
});

test('every text of a page, and every value of its attributes, comes by as it reads', () => {
  fc.assert(
    fc.property(text, text, (words, title) => {
      const isWhole = (one: string): boolean => !/[\r\n\t\0]/.test(one);
      fc.pre(isWhole(words) && isWhole(title) && title.length >= 4 && !title.startsWith('/-/'));
      const { strings } = htmlStrings(page(words, title));
      assert.ok(strings.has(words), `${JSON.stringify(words)} of ${JSON.stringify([...strings])}`);
      assert.ok(strings.has(title), `${JSON.stringify(title)} of ${JSON.stringify([...strings])}`);
    }),
  );
});

test('what is put in place of a text stays text, a form keeps its mark, and a link that would change leads nowhere', () => {
  const html = page('an oid', 'an oid');
  const after = htmlStrings(html).replaced((one) =>
    one.includes('oid') || one.includes('a/b') ? '<b>"' : one,
  );
  assert.ok(after.includes('<p title="&lt;b&gt;&quot;">&lt;b&gt;&quot;</p>'), after);
  assert.ok(after.includes('value="deadbeefdeadbeef"'));
  assert.ok(after.includes('action="#"'));
});

test('no run of seven hex digits is left of a text, whatever stands around it, but ids of ours and zeros', () => {
  const hex = fc.string({ unit: fc.constantFrom(...'0123456789abcdefABCDEF'), minLength: 7, maxLength: 64 });
  fc.assert(
    fc.property(fc.string(), hex, fc.string(), (before, oid, after) => {
      fc.pre(/\d/.test(oid) && !/[a-z0-9-]$/i.test(before) && !/^0+$/.test(oid));
      assert.ok(!hideOids(`${before}${oid}${after}`).includes(oid));
    }),
  );
  for (const kept of ['s-0mfx1k2p9abcd1234', 'p-abc1234', '0'.repeat(40), 'feedback', 'abc123'])
    assert.equal(hideOids(`see ${kept}.`), `see ${kept}.`);
  assert.equal(hideOids('v1.0-3-gabc1234'), 'v1.0-3-g[not shown]');
  const known = { oids: new Set(['abc1234567'.padEnd(40, '0')]), words: new Set<string>() };
  assert.equal(hideOids('abc1234 abc1235', known), 'abc1234 [not shown]');
});
