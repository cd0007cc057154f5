import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Finding } from '../../src/domain/facts.ts';
import { matchPath } from '../../src/policy/match-file.ts';
import { PathList } from '../../src/policy/paths.ts';
import { Subject } from '../../src/policy/subject.ts';

const places: readonly (readonly [Finding['place'], boolean])[] = [
  ['file', true],
  ['commit-message', false],
  ['push-option', false],
];

for (const [place, expected] of places)
  test(`a secret without a path, in a ${place}, is ${expected ? '' : 'not '}under the paths of a rule that refuses`, () => {
    const subject = new Subject();
    subject.finding = {
      rule: 'github-pat',
      family: 'github',
      tier: 'A',
      confidence: 'high',
      place,
      sample: 'g***',
      fingerprint: 'f',
      state: 'new',
    };
    for (const [width, matched] of [
      ['wide', expected],
      ['exact', false],
    ] as const) {
      const ask = matchPath(new PathList(['**', '!test/**']), width);
      assert.equal(typeof ask === 'function' && ask(subject), matched);
    }
  });
