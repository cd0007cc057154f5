import type { Notice } from '../../domain/approval.ts';
import type { Secret } from '../../domain/secret.ts';

export interface WebhookTarget {
  readonly kind: 'webhook';
  readonly url: string;
  /** Keys of HMAC-SHA256, 24 to 64 bytes each. Every one of them signs, so that a receiver can change from one to the next. */
  readonly keys: readonly Secret<Buffer>[];
  /** PEM: trusted instead of the system's certificate authorities. */
  readonly ca?: string;
}

/** A chat's incoming webhook: its URL is a credential. */
export interface ChatTarget {
  readonly kind: 'slack' | 'teams';
  readonly url: Secret<string>;
}

export interface EmailTarget {
  readonly kind: 'email';
  readonly host: string;
  readonly port: number;
  /** `tls` from the first byte; `starttls` or nothing is sent; `any` takes STARTTLS where it is offered, for this machine only. */
  readonly security: 'tls' | 'starttls' | 'any';
  readonly auth?: { readonly user: string; readonly password: Secret<string> };
  /** An address without a name. */
  readonly from: string;
  /** Addresses, or the people who may vote on the push. */
  readonly to: readonly string[] | 'reviewers';
  /** PEM: trusted instead of the system's certificate authorities. */
  readonly ca?: string;
}

/** Somebody who is told: one entry of `notify:`. */
export interface NotifierConfig {
  /** Lower-case letters, digits and hyphens; its rows in the store are found by it. */
  readonly name: string;
  /** What it wants to hear of. */
  readonly on: readonly Notice['type'][];
  readonly target: WebhookTarget | ChatTarget | EmailTarget;
}

export const noticeTypes = [
  'push.held',
  'push.approved',
  'push.rejected',
  'push.forced',
  'push.lapsed',
  'push.canceled',
  'push.forwarded',
  'push.failed',
] as const satisfies readonly Notice['type'][];
