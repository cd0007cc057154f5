/**
 * Attack: a ref that a rule means, and does not name.
 *  1. The policy keeps the history of refs/heads/main.
 *  2. Mallory pushes `refs/heads/Main`: on an upstream or a clone whose disk ignores case
 *     it is the same file. Or the name in full-width letters, with a zero-width space, or
 *     decomposed: people read it as main.
 *  3. Or Mallory hides the ref from rules about branches: `refs/replace/<oid>` makes every
 *     git on the upstream read another object, `refs/pull/1/head` is the host's own.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { loadPolicy } from '../../src/policy/load.ts';
import { principal, pushFacts, refFacts } from '../policy/support.ts';

const policy = loadPolicy(
  `
access: [{ who: { user: "**" }, repo: "**", may: [read, write], alsoRefs: "refs/**" }]
rules:
  - { name: history, when: { ref: [refs/heads/main, "refs/heads/caf\u00e9/*"], change: delete }, then: deny }
`,
  'policy.yaml',
);

const judge = (ref: string, change: 'create' | 'delete') =>
  policy.judge(principal('mallory'), 'acme/web', pushFacts([refFacts(ref, change)])).refs[0]?.effect;

test('whatever looks like a protected branch is protected like it', () => {
  const fullWidth = [...'main'].map((char) => String.fromCodePoint(char.charCodeAt(0) + 0xfee0)).join('');
  const names = [
    'main',
    'Main',
    'mAIN',
    fullWidth,
    'ma\u200bin',
    'm\u2060ain',
    '\ufeffmain',
    'ma\u00adin',
    'cafe\u0301/x',
    'CAF\u00c9/x',
  ];
  for (const name of names) assert.equal(judge(`refs/heads/${name}`, 'delete'), 'deny', JSON.stringify(name));
  assert.equal(judge('refs/heads/mainly', 'delete'), 'allow');
});

test('no wildcard opens refs that change what git reads, or that are the host’s own', () => {
  const names = [
    'replace/aa',
    'Replace/aa',
    'REPLACE/aa',
    'repla\u200bce/aa',
    'pull/1/head',
    'merge-requests/1/head',
    'changes/1/1/1',
    'remotes/o/x',
    'stash',
  ];
  for (const name of names) assert.equal(judge(`refs/${name}`, 'create'), 'deny', JSON.stringify(name));
});
