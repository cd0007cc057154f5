import type {
  AskTally,
  DiffLine,
  FileDiff,
  HeldPush,
  HeldPushes,
  HeldQuery,
  MayVote,
  PushReviews,
  RefReview,
  Vote,
  VoteKind,
  Voter,
} from '../../src/domain/approval.ts';
import { RefgateError } from '../../src/domain/error.ts';

/** A push of alice that waits for one vote of the group `reviewers`. */
export function samplePush(change: Partial<HeldPush> = {}): HeldPush {
  const ref = change.refs?.[0]?.ref ?? 'refs/heads/main';
  return {
    id: 'p-abc1234',
    session: 's-0001',
    state: 'pending',
    binding: 'b'.repeat(64),
    person: 'alice',
    principal: {
      user: 'alice',
      kind: 'person',
      groups: ['dev'],
      credential: { type: 'ssh-key', id: 'SHA256:abcdefgh' },
    },
    transport: 'ssh',
    address: '192.0.2.7',
    repo: 'acme/web',
    target: { upstream: 'here', path: 'acme/web' },
    atomic: false,
    objectFormat: 'sha1',
    refs: [
      {
        ref,
        oldOid: 'a'.repeat(40),
        newOid: 'c'.repeat(40),
        kind: 'update',
        namespace: 'branch',
        fastForward: true,
      },
    ],
    verdicts: [
      {
        ref,
        effect: 'ask',
        reasons: [
          {
            rule: 'production-review',
            code: 'APPROVAL_REQUIRED',
            text: 'src/main.ts changes\nask reviewers',
          },
        ],
      },
    ],
    relay: [{ ref, oldOid: 'a'.repeat(40), newOid: 'c'.repeat(40) }],
    pushOptions: [],
    pack: { file: '/held/p-abc1234/pack', bytes: 2_048, sha256: 'd'.repeat(64) },
    objects: 3,
    commits: 1,
    changes: 1,
    findings: 0,
    policyVersion: '3f2a9c81d0e7',
    asks: [
      {
        rule: 'production-review',
        refs: [ref],
        seats: [{ of: 'reviewers', groups: ['reviewers'], users: [] }],
        approvals: 1,
        denials: 1,
        shared: false,
        breakGlass: ['oncall'],
      },
    ],
    onApprove: 'relay',
    openedAt: '2026-03-01T10:00:00.000Z',
    deadline: '2126-03-01T10:30:00.000Z',
    within: 1_800_000,
    votes: [],
    steps: [{ state: 'pending', time: '2026-03-01T10:00:00.000Z', by: 'refgate' }],
    ...change,
  };
}

/** Held pushes in memory, with rules that are just enough for pages: `reviewers` vote, one vote decides. */
export class SamplePushes implements HeldPushes {
  readonly pushes = new Map<string, HeldPush>();
  readonly attached = new Set<string>();
  /** What the next vote or cancellation is refused with. */
  refuse: RefgateError | undefined;
  readonly #listeners = new Set<(push: HeldPush) => void>();

  add(push: HeldPush): void {
    this.pushes.set(push.id, push);
  }

  async list(query: HeldQuery): Promise<readonly HeldPush[]> {
    const all = [...this.pushes.values()].reverse();
    const from = query.before === undefined ? 0 : all.findIndex(({ id }) => id === query.before) + 1;
    if (query.before !== undefined && from === 0) throw new RefgateError('NOT_FOUND', 'client', query.before);
    return all
      .slice(from)
      .filter((push) => this.#fits(push, query))
      .slice(0, query.limit);
  }

  #fits(push: HeldPush, { state = 'open', user, repo, ref, waitsFor }: HeldQuery): boolean {
    const isOpen = push.state === 'pending' || push.state === 'approved';
    return (
      (state === 'all' || (state === 'open' ? isOpen : push.state === state)) &&
      (user === undefined || push.principal.user === user) &&
      (repo === undefined || push.repo === repo) &&
      (ref === undefined || push.refs.some((one) => one.ref === ref)) &&
      (waitsFor === undefined || (push.principal.user !== waitsFor && push.state === 'pending'))
    );
  }

  async get(id: string): Promise<HeldPush | undefined> {
    return this.pushes.get(id);
  }

  counts(): { readonly pending: number; readonly waiting: number } {
    const pending = [...this.pushes.values()].filter(({ state }) => state === 'pending').length;
    return { pending, waiting: pending };
  }

  tally({ asks, votes }: HeldPush): readonly AskTally[] {
    const approvedBy = votes.filter(({ kind }) => kind !== 'deny').map(({ user }) => user);
    const deniedBy = votes.filter(({ kind }) => kind === 'deny').map(({ user }) => user);
    return asks.map((asked) => {
      const missing = Math.max(0, asked.approvals - approvedBy.length);
      return {
        asked,
        seats: asked.seats.map((seat) => ({ seat, approvedBy, missing })),
        deniedBy,
        met: missing === 0,
      };
    });
  }

  async mayVote(push: HeldPush, { principal, role }: Pick<Voter, 'principal' | 'role'>): Promise<MayVote> {
    const isOwn = principal.user === push.principal.user;
    const cancel = push.state === 'pending' && (isOwn || role === 'admin');
    if (isOwn || push.state !== 'pending' || !principal.groups.includes('reviewers'))
      return {
        vote: false,
        force: false,
        cancel,
        needsReason: false,
        why: 'you do not vote here; ask reviewers',
      };
    return { vote: true, force: principal.groups.includes('oncall'), cancel, needsReason: true };
  }

  isAttached(id: string): boolean {
    return this.attached.has(id);
  }

  async vote(
    id: string,
    { kind, reason }: { readonly kind: VoteKind; readonly reason?: string },
    { principal, via }: Voter,
  ): Promise<HeldPush> {
    const push = this.#open(id);
    const vote: Vote = {
      user: principal.user,
      person: principal.user,
      groups: principal.groups,
      kind,
      ...(reason === undefined ? {} : { reason }),
      time: '2026-03-01T10:05:00.000Z',
      via,
      credential: principal.credential,
    };
    const state = kind === 'deny' ? 'rejected' : 'approved';
    return this.#change({ ...push, state, votes: [...push.votes, vote] }, principal.user, reason);
  }

  async cancel(id: string, reason: string | undefined, voter: Voter | 'operator'): Promise<HeldPush> {
    const by = voter === 'operator' ? voter : voter.principal.user;
    return this.#change({ ...this.#open(id), state: 'canceled' }, by, reason);
  }

  #open(id: string): HeldPush {
    if (this.refuse !== undefined) throw this.refuse;
    const push = this.pushes.get(id);
    if (push === undefined) throw new RefgateError('NOT_FOUND', 'client', id);
    if (push.state !== 'pending')
      throw new RefgateError('CONFLICT', 'client', `${id} is ${push.state} already; look at its page`);
    return push;
  }

  #change(push: HeldPush, by: string, text: string | undefined): HeldPush {
    const { state } = push;
    const step = { state, time: '2026-03-01T10:05:00.000Z', by, ...(text === undefined ? {} : { text }) };
    const changed = { ...push, steps: [...push.steps, step] };
    this.pushes.set(push.id, changed);
    for (const listener of this.#listeners) listener(changed);
    return changed;
  }

  onChange(listener: (push: HeldPush) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
}

/** One ref with one commit that changes `src/main.ts`. */
export function sampleReview(push: HeldPush, change: Partial<RefReview> = {}): RefReview {
  const ref = push.refs[0];
  if (ref === undefined) throw new Error('a push has a ref');
  const alice = { name: 'Alice', email: 'alice@example.com', time: 1_772_359_200 };
  return {
    ref,
    base: 'a'.repeat(40),
    commits: [
      {
        oid: 'c'.repeat(40),
        parents: ['a'.repeat(40)],
        author: alice,
        committer: alice,
        message: 'Say hello\n\nTo everybody.\n',
        messageCut: false,
        signature: 'ssh',
      },
    ],
    commitCount: 1,
    files: [
      {
        kind: 'modify',
        path: 'src/main.ts',
        mode: 'file',
        oldMode: 'file',
        size: 120,
        type: 'text',
        sensitive: false,
        findings: 0,
      },
    ],
    fileCount: 1,
    isCut: false,
    findings: [],
    unknowns: [],
    ...change,
  };
}

/** A diff of these lines: `+` added, `-` removed, anything else the same. */
export function sampleDiff(texts: readonly string[]): FileDiff {
  let [oldNo, newNo] = [0, 0];
  const lines = texts.map((text): DiffLine => {
    const tokens = [{ text: text.slice(1) }];
    if (text.startsWith('+')) return { is: 'added', new: ++newNo, tokens };
    if (text.startsWith('-')) return { is: 'removed', old: ++oldNo, tokens };
    return { is: 'same', old: ++oldNo, new: ++newNo, tokens };
  });
  return {
    is: 'text',
    added: lines.filter(({ is }) => is === 'added').length,
    removed: lines.filter(({ is }) => is === 'removed').length,
    hunks: [{ oldStart: 1, oldLines: oldNo, newStart: 1, newLines: newNo, lines }],
  };
}

/** Reviews that say what they are told to, or throw it. */
export class SampleReviews implements PushReviews {
  reviewed: (push: HeldPush) => readonly RefReview[] = (push) => [sampleReview(push)];
  diffed: (path: string) => FileDiff | Promise<FileDiff> = () =>
    sampleDiff([' const a = 1;', '-const b = 2;', '+const b = 3;', ' export { a, b };']);

  async review(push: HeldPush): Promise<readonly RefReview[]> {
    return this.reviewed(push);
  }

  async diff(_push: HeldPush, _ref: string, path: string): Promise<FileDiff> {
    return this.diffed(path);
  }
}
