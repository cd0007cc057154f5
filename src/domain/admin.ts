import type { Target } from './ports.ts';

/** One kept version of the policy. */
export interface PolicyVersion {
  readonly version: string;
  /** RFC 3339. */
  readonly appliedAt: string;
  readonly actor: string;
}

/** The policy as administrators handle it. Invalid texts throw POLICY_INVALID with every problem, one per line. */
export interface PolicyAdmin {
  current(): { readonly version: string; readonly text: string };
  check(text: string, file: string): { readonly version: string };
  apply(text: string, file: string, actor: string): Promise<{ version: string; previous?: string }>;
  history(): Promise<readonly PolicyVersion[]>;
  /** The text of a kept version. @throws NOT_FOUND */
  text(version: string): Promise<string>;
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
  /** The target that the repository map gives for a path; undefined when none matches. */
  target(repo: string): Target | undefined;
  check(target: Target): Promise<readonly CheckLine[]>;
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
