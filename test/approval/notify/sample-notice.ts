import type { HeldPush, Notice } from '../../../src/domain/approval.ts';

/** Held pushes and notices of them, for trying what is told. */

export function samplePush(change: Partial<HeldPush> = {}): HeldPush {
  const ref = 'refs/heads/main';
  const update = { ref, oldOid: '1'.repeat(40), newOid: '2'.repeat(40) };
  const why = {
    rule: 'production-review',
    code: 'APPROVAL_REQUIRED',
    text: 'src/a.ts changes\n  ask',
  } as const;
  return {
    id: 'p-abc1234',
    session: 's-1',
    state: 'pending',
    binding: '0'.repeat(64),
    principal: {
      user: 'alice',
      kind: 'person',
      groups: ['dev'],
      credential: { type: 'ssh-key', id: 'SHA256:x' },
    },
    transport: 'ssh',
    address: '192.0.2.1',
    repo: 'acme/web',
    target: { upstream: 'ghe', path: 'acme/web' },
    atomic: false,
    objectFormat: 'sha1',
    refs: [{ ...update, kind: 'update', namespace: 'branch', fastForward: true }],
    verdicts: [{ ref, effect: 'ask', reasons: [why] }],
    relay: [update],
    pushOptions: ['private-option'],
    pack: { file: '/private/pack/path', bytes: 12, sha256: '3'.repeat(64) },
    objects: 3,
    commits: 1,
    changes: 1,
    findings: 0,
    policyVersion: 'v1',
    asks: [
      {
        rule: 'production-review',
        refs: [ref],
        seats: [{ of: 'reviewers', groups: ['reviewers'], users: [] }],
        approvals: 2,
        denials: 1,
        shared: false,
      },
    ],
    onApprove: 'relay',
    openedAt: '2026-01-02T03:04:05.000Z',
    deadline: '2026-01-02T04:04:05.000Z',
    within: 3_600_000,
    votes: [],
    steps: [],
    ...change,
  };
}

export function sampleNotice(change: Partial<Notice> = {}): Notice {
  return {
    type: 'push.held',
    time: '2026-01-02T03:04:05.000Z',
    push: samplePush(),
    url: 'https://git.example.com/-/pushes/p-abc1234',
    by: 'refgate',
    ...change,
  };
}
