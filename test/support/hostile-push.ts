import type { HeldPush, RefReview } from '../../src/domain/approval.ts';
import { samplePush, sampleReview } from './held-pushes.ts';
import type { PushServer } from './push-server.ts';

/** A push, its review and a diff with this text wherever a peer, a voter or the upstream chooses one. */
export function addHostilePush(server: PushServer, text: string): void {
  server.held.add(hostilePush(text));
  server.reviews.reviewed = (push) => [hostileReview(push, text)];
  server.reviews.diffed = () => ({
    is: 'text',
    note: text,
    added: 1,
    removed: 1,
    hunks: [
      {
        oldStart: 1,
        oldLines: 1,
        newStart: 1,
        newLines: 1,
        lines: [
          { is: 'removed', old: 1, tokens: [{ text, kind: `"${text}` }] },
          { is: 'added', new: 1, tokens: [{ text: `***${text}`, kind: 'keyword' }] },
        ],
      },
    ],
  });
}

function hostilePush(text: string): HeldPush {
  const push = samplePush();
  const [ref, asked] = [push.refs[0], push.asks[0]];
  if (ref === undefined || asked === undefined) throw new Error('the sample has a ref and an ask');
  const reason = { rule: text, code: 'APPROVAL_REQUIRED', text: `${text}\n${text}` } as const;
  const credential = { type: 'token', id: text } as const;
  return {
    ...push,
    principal: { user: text, kind: 'service', groups: [text], credential },
    address: text,
    repo: text,
    refs: [{ ...ref, ref: text }],
    verdicts: [
      {
        ref: text,
        effect: 'ask',
        reasons: [reason],
        warnings: [reason],
        wouldSay: [{ ...reason, effect: 'deny' }],
      },
    ],
    pushOptions: [text],
    asks: [
      { ...asked, rule: text, seats: [{ of: text, groups: ['reviewers'], users: [text] }], approvals: 3 },
    ],
    votes: [
      {
        user: text,
        person: `${text}2`,
        groups: [],
        kind: 'approve',
        reason: `${text}\n${text}`,
        time: push.openedAt,
        via: 'page',
        credential,
      },
      {
        user: 'dora',
        person: text,
        groups: [],
        kind: 'deny',
        reason: text,
        time: push.openedAt,
        via: 'api',
        credential,
      },
    ],
    steps: [{ state: 'pending', time: push.openedAt, by: text, text }],
    reports: [{ ref: text, ok: false, reason: text }],
  };
}

function hostileReview(push: HeldPush, text: string): RefReview {
  const review = sampleReview(push);
  const [commit, file] = [review.commits[0], review.files[0]];
  if (commit === undefined || file === undefined) throw new Error('the sample has a commit and a file');
  const person = { name: text, email: text, time: Number.MAX_SAFE_INTEGER };
  return {
    ...review,
    commits: [
      {
        ...commit,
        author: person,
        committer: { ...person, email: `${text}2` },
        message: `${text}\n\n${text}`,
      },
    ],
    files: [{ ...file, kind: 'rename', path: text, from: text, type: text, sensitive: true }],
    findings: [
      {
        rule: text,
        family: text,
        tier: 'A',
        confidence: 'high',
        place: 'file',
        path: text,
        line: 1,
        sample: text,
        fingerprint: 'f'.repeat(32),
        state: 'new',
      },
    ],
    unknowns: [{ what: 'content', text, path: text }],
    gone: text,
  };
}
