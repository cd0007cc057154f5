import type {
  ChangeKind,
  Confidence,
  FileMode,
  FindingPlace,
  SecretTier,
  SignatureKind,
} from '../domain/facts.ts';
import type { PlaceholderUse, ReadMode } from '../domain/mask.ts';
import type { PrincipalKind } from '../domain/session.ts';
import type { PathList } from './paths.ts';
import type { Pattern } from './pattern.ts';
import type { Comparison } from './quantities.ts';
import type { TextPattern } from './text-pattern.ts';

/** What a rule can say about one ref update; an update is also either a fast-forward or not. */
export const changes = ['create', 'update', 'delete', 'fast-forward', 'non-fast-forward'] as const;

export type Change = (typeof changes)[number];

/** What a rule can say about one file. `delete` is the file's where the condition speaks about files. */
export const fileChanges = [
  'add',
  'modify',
  'delete',
  'rename',
  'mode',
] as const satisfies readonly ChangeKind[];

export type Effect = 'allow' | 'warn' | 'ask' | 'deny';

export type Mode = 'enforce' | 'evaluate';

export interface Who {
  readonly user?: readonly Pattern[] | undefined;
  /** The same as `user`. */
  readonly name?: readonly Pattern[] | undefined;
  readonly group?: readonly Pattern[] | undefined;
  readonly kind?: PrincipalKind | undefined;
}

export interface FileCondition {
  readonly extension?: readonly string[] | undefined;
  readonly type?: readonly string[] | undefined;
  readonly size?: Comparison | undefined;
  readonly mode?: readonly FileMode[] | undefined;
  readonly lfs?: boolean | undefined;
  readonly pathLength?: Comparison | undefined;
}

export interface CommitCondition {
  readonly author?: readonly Pattern[] | undefined;
  readonly authorName?: readonly Pattern[] | undefined;
  readonly committer?: readonly Pattern[] | undefined;
  readonly committerName?: readonly Pattern[] | undefined;
  readonly message?: readonly TextPattern[] | undefined;
  readonly messageLacks?: readonly TextPattern[] | undefined;
  /** True stands for any kind but `none`. */
  readonly signed?: boolean | readonly Exclude<SignatureKind, 'none'>[] | undefined;
  readonly signedOff?: boolean | undefined;
  readonly merge?: boolean | undefined;
  /** A pattern holds `{user}`, and is compared with the e-mail address. */
  readonly authorIsPusher?: boolean | Pattern | undefined;
  readonly committerIsPusher?: boolean | Pattern | undefined;
}

export interface SecretCondition {
  readonly rule?: readonly Pattern[] | undefined;
  readonly family?: readonly Pattern[] | undefined;
  readonly confidence: readonly Confidence[];
  readonly tier?: readonly SecretTier[] | undefined;
  readonly place?: readonly FindingPlace[] | undefined;
}

export interface PushCondition {
  readonly refs?: Comparison | undefined;
  readonly commits?: Comparison | undefined;
  readonly files?: Comparison | undefined;
  readonly newFiles?: Comparison | undefined;
  readonly objects?: Comparison | undefined;
  readonly bytes?: Comparison | undefined;
  readonly options?: readonly Pattern[] | undefined;
}

export interface TimeCondition {
  /** 0 is Sunday. */
  readonly days?: readonly number[] | undefined;
  /** Minutes of the day; `to` is not part of the window. */
  readonly from?: number | undefined;
  readonly to?: number | undefined;
  readonly zone: string;
}

/** Every key that is there must match, and all of them about the same thing. */
export interface Condition {
  readonly who?: Who | undefined;
  readonly repo?: readonly Pattern[] | undefined;
  readonly ref?: readonly Pattern[] | undefined;
  readonly change?: readonly (Change | ChangeKind)[] | undefined;
  readonly path?: PathList | undefined;
  readonly file?: FileCondition | undefined;
  readonly brings?: 'new' | 'existing' | undefined;
  readonly commit?: CommitCondition | undefined;
  readonly secret?: SecretCondition | undefined;
  readonly push?: PushCondition | undefined;
  readonly time?: TimeCondition | undefined;
  readonly network?: readonly Network[] | undefined;
  readonly hidden?: boolean | undefined;
  readonly unknown?: readonly ('history' | 'content')[] | undefined;
  readonly not?: Condition | undefined;
  readonly any?: readonly Condition[] | undefined;
  readonly all?: readonly Condition[] | undefined;
}

/** One range of IP addresses. */
export interface Network {
  readonly source: string;
  holds(address: string): boolean;
}

export interface AccessLine {
  readonly who: Who;
  readonly repo: readonly Pattern[];
  readonly may: readonly ('read' | 'write')[];
  readonly read?: ReadMode | undefined;
  readonly only?: readonly Pattern[] | undefined;
  readonly alsoRefs?: readonly Pattern[] | undefined;
  readonly pushOptions?: readonly Pattern[] | undefined;
}

/** What `then: { ask: ... }` asks for; durations in ms. */
export interface AskTerms {
  readonly groups: readonly string[];
  /** The owners of the changed files are asked, too. */
  readonly codeowners: boolean;
  readonly approvals: number;
  readonly denials: number;
  readonly within: number;
  readonly wait: number;
  readonly onApprove: 'relay' | 'retry';
  readonly reason?: boolean | string | undefined;
  readonly breakGlass?: readonly string[] | undefined;
}

export interface Rule {
  readonly name: string;
  readonly when: Condition;
  readonly then: 'allow' | 'deny' | 'warn' | { readonly ask: AskTerms };
  /** The file's own mode where it is absent. */
  readonly mode?: Mode | undefined;
  readonly say?: string | undefined;
}

export type CheckEffect = 'deny' | 'warn' | 'allow';

/** What a check with `ask` as its effect asks for. */
export interface CheckAsk {
  readonly ask: AskTerms;
}

export interface Checks {
  readonly 'hidden-objects': CheckEffect;
  readonly unscanned: CheckEffect;
  readonly 'unknown-history': CheckEffect;
  readonly placeholders: CheckEffect | CheckAsk;
}

/** Findings that are known and accepted; every key that is there must match. */
export interface AllowedSecret {
  readonly fingerprint?: string | undefined;
  readonly rule?: readonly Pattern[] | undefined;
  readonly path?: PathList | undefined;
  readonly reason: string;
  /** The last day on which it counts, `2027-01-31`, in UTC. */
  readonly until?: string | undefined;
}

export interface SecretSettings {
  readonly allowComments: boolean;
  readonly allow: readonly AllowedSecret[];
}

/** One case of `refgate policy test`. */
export interface PolicyCase {
  readonly name: string;
  readonly user?: string | undefined;
  readonly who?:
    | {
        readonly user: string;
        readonly kind?: PrincipalKind | undefined;
        readonly groups?: readonly string[] | undefined;
        readonly emails?: readonly string[] | undefined;
      }
    | undefined;
  readonly repo: string;
  readonly may?: 'read' | 'write' | undefined;
  /** How it is read; compared where `may` is. */
  readonly read?: ReadMode | undefined;
  readonly updates?: readonly { readonly ref: string; readonly change: Change }[] | undefined;
  readonly commits?: readonly CaseCommit[] | undefined;
  readonly files?: readonly CaseFile[] | undefined;
  readonly secrets?: readonly CaseSecret[] | undefined;
  readonly unknown?: readonly ('history' | 'content')[] | undefined;
  readonly hidden?: number | undefined;
  readonly placeholders?: readonly CasePlaceholder[] | undefined;
  readonly objects?: number | undefined;
  readonly bytes?: number | undefined;
  readonly pushOptions?: readonly string[] | undefined;
  readonly at?: string | undefined;
  readonly address?: string | undefined;
  readonly expect: Effect;
  readonly rule?: string | undefined;
  readonly rules?: readonly string[] | undefined;
  /** Who is asked, over all refs and rules; what is absent is not compared. */
  readonly asks?:
    | { readonly groups?: readonly string[] | undefined; readonly codeowners?: boolean | undefined }
    | undefined;
}

export interface CaseCommit {
  readonly author?: string | undefined;
  readonly committer?: string | undefined;
  readonly message?: string | undefined;
  readonly signed?: boolean | Exclude<SignatureKind, 'none'> | undefined;
  readonly merge?: boolean | undefined;
}

export interface CaseFile {
  readonly path: string;
  readonly from?: string | undefined;
  readonly change?: ChangeKind | undefined;
  readonly size?: number | undefined;
  readonly type?: string | undefined;
  readonly mode?: FileMode | undefined;
  readonly lfs?: boolean | undefined;
  readonly brings?: 'new' | 'existing' | undefined;
  /** Counted from 1; the last one where it is absent. */
  readonly commit?: number | undefined;
}

export interface CaseSecret {
  readonly rule?: string | undefined;
  readonly family?: string | undefined;
  readonly confidence?: Confidence | undefined;
  readonly tier?: SecretTier | undefined;
  readonly place?: FindingPlace | undefined;
  readonly path?: string | undefined;
  readonly line?: number | undefined;
  readonly fingerprint?: string | undefined;
  readonly comment?: boolean | undefined;
  readonly baseline?: boolean | undefined;
  readonly commit?: number | undefined;
}

export interface CasePlaceholder {
  readonly path: string;
  readonly how?: PlaceholderUse['how'] | undefined;
  readonly rule?: string | undefined;
  readonly line?: number | undefined;
}

export interface PolicyDocument {
  readonly mode: Mode;
  readonly checks: Checks;
  readonly secrets: SecretSettings;
  readonly access: readonly AccessLine[];
  readonly rules: readonly Rule[];
  readonly tests: readonly PolicyCase[];
}

/** What the rule does when it matches, in one word. */
export function effectOf(rule: Rule): Effect {
  return typeof rule.then === 'string' ? rule.then : 'ask';
}
