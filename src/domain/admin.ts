import type { Confidence } from './facts.ts';
import type { Effect } from './policy.ts';
import type { Target } from './ports.ts';

/** One kept version of the policy. */
export interface PolicyVersion {
  readonly version: string;
  /** RFC 3339. */
  readonly appliedAt: string;
  readonly actor: string;
}

/** The policy as administrators handle it. Invalid texts throw POLICY_INVALID with their problems, one per line. */
export interface PolicyAdmin {
  current(): { readonly version: string; readonly text: string };
  /** Reads a draft without keeping others waiting, however long that takes. @throws LIMIT_EXCEEDED when too many are read */
  check(text: string, file: string): Promise<{ readonly version: string }>;
  apply(text: string, file: string, actor: string): Promise<{ version: string; previous?: string }>;
  /** Puts a kept version in force again, as a new entry of the history. @throws NOT_FOUND naming the nearest versions */
  rollback(version: string, actor: string): Promise<{ version: string; previous?: string }>;
  history(): Promise<readonly PolicyVersion[]>;
  /** The text of a kept version. @throws NOT_FOUND */
  text(version: string): Promise<string>;
}

/** What one version of the policy makes of one ref update. */
export interface JudgedRef {
  readonly effect: Effect;
  /** The rules and checks that denied or asked. */
  readonly rules: readonly string[];
}

interface RecordedPush {
  readonly session: string;
  /** When it was judged, RFC 3339. */
  readonly time: string;
  readonly user: string;
  readonly repo: string;
}

/** One ref update of a recorded push as it was judged and as it would be, or why the push cannot be judged again. */
export type BacktestRow =
  | (RecordedPush & { readonly ref: string; readonly was: JudgedRef; readonly would: JudgedRef })
  | (RecordedPush & { readonly notJudged: string });

/** What the access lines and rules of a policy make of a recorded push. */
export interface ExplainedPush extends RecordedPush {
  /** Of the policy that explains. */
  readonly version: string;
  /** Of the policy that judged the push. */
  readonly judgedBy: string;
  /** As `explain` of the policy gives it. */
  readonly explanation: unknown;
}

/** The recorded pushes, judged by another policy, or explained. */
export interface PolicyTrials {
  /** Newest first, from the time `since` (RFC 3339) on; `onPush` is told how many pushes are done; `signal` ends it early. Throws POLICY_INVALID. */
  backtest(
    policy: { readonly text: string; readonly file: string },
    since: string,
    onPush?: (done: number) => void,
    signal?: AbortSignal,
  ): AsyncIterable<BacktestRow>;
  /** Under the version that judged the push when no policy is given. @throws NOT_FOUND, POLICY_INVALID */
  explain(session: string, policy?: { readonly text: string; readonly file: string }): Promise<ExplainedPush>;
}

/** A secret that is accepted in one repository. */
export interface AcceptedSecret {
  readonly fingerprint: string;
  readonly rule: string;
  readonly path?: string;
  /** Masked. */
  readonly sample: string;
  readonly reason: string;
  /** RFC 3339. */
  readonly time: string;
  readonly actor: string;
}

/** One secret candidate of a whole repository, wherever it is. */
export interface RepoSecret {
  readonly fingerprint: string;
  readonly rule: string;
  readonly confidence: Confidence;
  /** Masked. */
  readonly sample: string;
  /** Of one of the places. */
  readonly path?: string;
  readonly line?: number;
  readonly commit?: string;
  /** In how many places it is. */
  readonly count: number;
  readonly accepted: boolean;
}

export interface RepoScan {
  readonly refs: number;
  readonly objects: number;
  readonly secrets: readonly RepoSecret[];
  /** What could not be searched, one line each, the first 100. */
  readonly unknowns: readonly string[];
  readonly unknownCount: number;
}

/** The secrets that are accepted for a repository, and how they are found. */
export interface BaselineAdmin {
  list(repo: string): readonly AcceptedSecret[];
  /** Reads every branch and tag of the upstream, whole. Throws NOT_FOUND for a repository that is not mapped, and what holding a pack throws. */
  scan(repo: string, signal: AbortSignal, onProgress: (text: string) => void): Promise<RepoScan>;
  /** Gives how many were not accepted before. */
  accept(repo: string, secrets: readonly RepoSecret[], reason: string, actor: string): Promise<number>;
  /** @throws NOT_FOUND */
  remove(repo: string, fingerprint: string, actor: string): Promise<void>;
}

/** One line of `refgate upstream check`. */
export interface CheckLine {
  readonly name: string;
  readonly outcome: 'ok' | 'failed' | 'skipped';
  /** One line; on failure it ends with what to do. */
  readonly text: string;
}

export interface UpstreamAdmin {
  list(): readonly {
    readonly name: string;
    readonly kind: 'ssh' | 'http' | 'path';
    readonly where: string;
  }[];
  /** The lines of the repository map, in their order: the first that matches a path wins. `to` is the path there, where it is another. */
  repos(): readonly { readonly path: string; readonly upstream: string; readonly to?: string }[];
  /** The target that the repository map gives for a path; undefined when none matches. */
  target(repo: string): Target | undefined;
  check(target: Target): Promise<readonly CheckLine[]>;
}

/** A credential that an agent holds, without what is secret of it. */
export interface AgentCredential {
  readonly kind: 'deploy-key' | 'login';
  readonly upstream: string;
  readonly pattern: string;
  /** RFC 3339. */
  readonly createdAt: string;
  /** Of a deploy key: the public half, as the host takes it. */
  readonly publicKey?: string;
  readonly fingerprint?: string;
  /** Of a login. */
  readonly user?: string;
}

/** A process that holds credentials and dials upstreams, as it is now. */
export interface AgentState {
  /** `local` is the one that the gateway starts itself. */
  readonly name: string;
  readonly embedded: boolean;
  readonly alive: boolean;
  /** Why it is not alive, or cannot be asked; one line that ends with what to do. */
  readonly problem?: string;
  /** Of the embedded agent: since when this process of it runs (RFC 3339), and its id. */
  readonly since?: string;
  readonly pid?: number;
  readonly socket: string;
  readonly upstreams: readonly string[];
  readonly credentials: readonly AgentCredential[];
}

export interface AgentAdmin {
  /** Asks each agent; one that does not answer is in the list as not alive. */
  list(): Promise<readonly AgentState[]>;
}

/** One change at the agent's vault, as the ticket names it. `pattern` is a repository or a pattern of them. */
export type VaultChange =
  | {
      readonly do: 'deploy-key-create' | 'deploy-key-import' | 'deploy-key-remove' | 'credential-remove';
      readonly upstream: string;
      readonly pattern: string;
    }
  | {
      readonly do: 'credential-set';
      readonly upstream: string;
      readonly pattern: string;
      readonly user: string;
    }
  | { readonly do: 'list'; readonly upstream?: string };

/** The gateway records and signs, the agent obeys, and the secret goes past the gateway. */
export interface VaultAdmin {
  ticket(change: VaultChange, actor: string): Promise<{ readonly socket: string; readonly ticket: string }>;
  /** Records that the agent made the change that a ticket allowed. */
  changed(change: VaultChange, actor: string): Promise<void>;
}
