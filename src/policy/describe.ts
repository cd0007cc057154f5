import type { CommitFacts, Finding, PathChange, RefContents, Signature } from '../domain/facts.ts';
import type { PlaceholderUse } from '../domain/mask.ts';
import type { Principal, PushFacts, RefFacts } from '../domain/session.ts';
import type { CaseCommit, CaseFile, CasePlaceholder, CaseSecret, PolicyCase } from './document.ts';
import { imaginePush } from './imagine.ts';

/** The facts of the push that a case describes. Every update of it brings the same things. */
export function describedPush(one: PolicyCase, principal: Principal): PushFacts {
  const push = imaginePush(one.updates ?? [], one.pushOptions ?? []);
  const { hidden, at, address } = one;
  const contents = push.refs.map((ref) => contentsOf(one, principal, ref));
  const [first] = contents;
  const pushFindings = (one.secrets ?? [])
    .filter(({ place }) => place === 'push-option')
    .map((secret) => findingOf(secret, []));
  return {
    ...push,
    // The last commit is the tip, so that what is said of it is said as of a real push.
    refs: push.refs.map((ref, at) => ({ ...ref, newOid: contents[at]?.commits.at(-1)?.oid ?? ref.newOid })),
    objects: one.objects ?? (first ? first.counts.commits + first.counts.changes : 0),
    bytes: one.bytes ?? 0,
    contents,
    findings: pushFindings,
    ...(hidden === undefined || hidden === 0 ? {} : { hidden: { count: hidden, examples: [] } }),
    ...(one.placeholders === undefined ? {} : { placeholders: one.placeholders.map(placeholderOf) }),
    ...(at === undefined ? {} : { at: new Date(at).toISOString() }),
    ...(address === undefined ? {} : { address }),
  };
}

/** What is walked once in earnest is a list here. */
type DescribedContents = RefContents & { readonly commits: readonly CommitFacts[] };

function contentsOf(one: PolicyCase, principal: Principal, ref: RefFacts): DescribedContents {
  if (ref.kind === 'delete')
    return { commits: [], changes: [], findings: [], unknowns: [], counts: { commits: 0, changes: 0 } };
  const brings = one.files?.some((file) => file.brings !== 'existing') || one.secrets;
  const commits = (one.commits ?? (brings ? [{}] : [])).map((commit, at) =>
    commitOf(commit, at + 1, principal),
  );
  const changes = (one.files ?? []).map((file) => changeOf(file, commits));
  return {
    commits,
    changes,
    findings: (one.secrets ?? [])
      .filter(({ place }) => place !== 'push-option')
      .map((secret) => findingOf(secret, commits)),
    unknowns: (one.unknown ?? []).map((what) => ({ what, text: `some ${what} that the case does not tell` })),
    counts: { commits: commits.length, changes: changes.length },
  };
}

/** Stands for the oid of the n-th commit of a case. */
function oidOf(at: number): string {
  return at.toString(16).padStart(8, '0').padEnd(40, 'c');
}

function commitOf(commit: CaseCommit, at: number, principal: Principal): CommitFacts {
  const own = principal.emails?.[0] ?? `${principal.user}@example.com`;
  const author = signatureOf(commit.author ?? own);
  const { signed = false } = commit;
  const parents = [oidOf(at - 1), ...(commit.merge ? [oidOf(0xffff)] : [])];
  return {
    oid: oidOf(at),
    parents,
    author,
    committer: commit.committer === undefined ? author : signatureOf(commit.committer),
    message: commit.message ?? 'change something\n',
    messageCut: false,
    signature: typeof signed === 'string' ? signed : signed ? 'openpgp' : 'none',
  };
}

/** `Ada <ada@example.com>` or the address alone. */
function signatureOf(text: string): Signature {
  const match = /^(.*?)\s*<([^<>]*)>$/.exec(text);
  const email = match?.[2] ?? text;
  return { name: match?.[1] ?? email.replace(/@.*/, ''), email, time: 0 };
}

function changeOf(file: CaseFile, commits: readonly CommitFacts[]): PathChange {
  const kind = file.change ?? (file.from === undefined ? 'add' : 'rename');
  const source = file.brings ?? 'new';
  const commit = source === 'new' ? commits[(file.commit ?? commits.length) - 1]?.oid : undefined;
  const base = {
    source,
    kind,
    path: file.path,
    ...(commit === undefined ? {} : { commit }),
    ...(file.from === undefined ? {} : { from: file.from }),
  };
  const mode = file.mode ?? 'file';
  if (kind === 'delete') return { ...base, oldMode: mode };
  if (mode === 'submodule') return { ...base, mode };
  return {
    ...base,
    mode,
    ...(kind === 'add' ? {} : { oldMode: 'file' as const }),
    size: file.size ?? 1000,
    type: file.type ?? 'text',
    ...(file.lfs ? { lfs: true as const } : {}),
  };
}

function findingOf(secret: CaseSecret, commits: readonly CommitFacts[]): Finding {
  const {
    rule = 'example-token',
    path,
    line,
    place = path === undefined ? 'commit-message' : 'file',
  } = secret;
  const commit = place === 'push-option' ? undefined : commits[(secret.commit ?? commits.length) - 1]?.oid;
  return {
    rule,
    family: secret.family ?? rule.split('-', 1)[0] ?? rule,
    tier: secret.tier ?? 'A',
    confidence: secret.confidence ?? 'high',
    place,
    sample: 'exam****',
    fingerprint: secret.fingerprint ?? '0'.repeat(32),
    state: secret.baseline ? 'baseline' : 'new',
    ...(commit === undefined ? {} : { commit }),
    ...(path === undefined ? {} : { path }),
    ...(line === undefined ? {} : { line }),
    ...(secret.comment ? { comment: true as const } : {}),
  };
}

function placeholderOf({
  path,
  line,
  how = 'new-line',
  rule = 'example-token',
}: CasePlaceholder): PlaceholderUse {
  return { how, rule, path, commit: oidOf(1), ...(line === undefined ? {} : { line }) };
}
