import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import {
  cut,
  escapeHtml,
  escapeSlack,
  isMailAddress,
  oneLine,
} from '../../../src/approval/notify/peer-text.ts';
import { summarize } from '../../../src/approval/notify/summary.ts';
import { wordingOf } from '../../../src/approval/notify/wording.ts';
import type { Notice } from '../../../src/domain/approval.ts';
import { sampleNotice, samplePush } from './sample-notice.ts';

const textOf = (change: Partial<Notice>): string => {
  const { title, lines } = wordingOf(summarize(sampleNotice(change)));
  return [title, ...lines.map(({ label, text }) => `${label}: ${text}`)].join('\n');
};

test('a push that waits tells what, why, of whom approvals are asked and until when', () => {
  assert.deepEqual(textOf({ by: 'alice' }).split('\n'), [
    "alice's push to acme/web waits for approval",
    'Push: p-abc1234',
    'Repository: acme/web',
    'Pushed by: alice',
    'Ref: refs/heads/main 1111111111..2222222222 (update)',
    'Why: production-review: src/a.ts changes ask',
    'Asked: 2 of reviewers (production-review)',
    'Until: 2026-01-02T04:04:05.000Z',
  ]);
});

test('a reason that begins with the name of its rule is told as it is', () => {
  const push = samplePush();
  const reasons = [{ rule: 'a', code: 'APPROVAL_REQUIRED', text: 'a: src/a.ts changes' }] as const;
  const verdicts = push.verdicts.map((verdict) => ({ ...verdict, reasons }));
  assert.match(textOf({ push: samplePush({ verdicts }) }), /\nWhy: a: src\/a\.ts changes\n/);
});

test('a push that was decided tells by whom and with what reason', () => {
  const text = textOf({ type: 'push.rejected', by: 'bob', reason: 'not on a Friday' });
  assert.match(text, /was rejected by bob\n/);
  assert.match(text, /\nDecided by: bob\nReason: not on a Friday$/);
  assert.doesNotMatch(text, /Asked|Until/);
});

test('an update that may not be a fast-forward is told so, and of many refs how many more', () => {
  const [ref] = samplePush().refs;
  assert.ok(ref);
  const refs = [
    { ...ref, fastForward: 'unknown' as const },
    ...Array.from({ length: 30 }, (_, at) => ({ ...ref, ref: `refs/heads/${at}` })),
  ];
  const text = textOf({ push: samplePush({ refs }) });
  assert.match(text, /\.\.2222222222 \(update, not a fast-forward\)\n/);
  assert.match(text, /\nRef: and 21 more\n/);
});

const anyText = fc.oneof(fc.string({ unit: 'binary' }), fc.string({ unit: 'grapheme' }), fc.string());

test('any text is one line without what acts or hides, and no longer than was said', () => {
  fc.assert(
    fc.property(anyText, fc.integer({ min: 1, max: 50 }), (text, max) => {
      const line = oneLine(text, max);
      assert.ok(line.length <= max);
      assert.doesNotMatch(line, /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u);
      assert.ok(cut(text, max).length <= Math.max(max, 1));
    }),
  );
});

test('any text, escaped, is text: for Slack within its bound, for HTML anywhere', () => {
  fc.assert(
    fc.property(anyText, fc.integer({ min: 8, max: 50 }), (text, max) => {
      const slack = escapeSlack(text, max);
      assert.ok(slack.length <= max);
      assert.doesNotMatch(slack, /[<>]|&(?!amp;|lt;|gt;)/);
      assert.doesNotMatch(escapeHtml(text), /[<>"']|&(?!#\d+;)/);
    }),
  );
});

test('an address is an address and nothing else', () => {
  for (const good of ['a@b.example', "o'neil+x@mail.example.com"]) assert.ok(isMailAddress(good), good);
  const bad = [
    '',
    'a',
    'a@',
    '@b',
    'a@b@c',
    'a b@c',
    'a@b,c@d',
    'A <a@b>',
    'a@b\r\nBcc: c@d',
    'a@b\n',
    '\ra@b',
  ];
  for (const one of bad) assert.ok(!isMailAddress(one), JSON.stringify(one));
});
