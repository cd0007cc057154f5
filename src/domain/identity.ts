import type { Principal, PrincipalKind } from './session.ts';

/** `admin` may everything, `auditor` reads everything, `reviewer` votes, `user` sees what is their own. */
export const roles = ['admin', 'auditor', 'reviewer', 'user'] as const;

export type Role = (typeof roles)[number];

export interface UserRecord {
  readonly name: string;
  readonly kind: PrincipalKind;
  readonly groups: readonly string[];
  readonly role: Role;
  readonly disabled: boolean;
  readonly createdAt: string;
  /** Addresses that commits of this user carry, in lower case. */
  readonly emails?: readonly string[];
  /** The person whose account this is as well: a service's owner, or who has two accounts. Both count as one where people vote. */
  readonly owner?: string;
}

export interface KeyRecord {
  readonly user: string;
  /** `SHA256:` and unpadded base64, as ssh-keygen -l prints it. */
  readonly fingerprint: string;
  /** Such as `ssh-ed25519` or `sk-ssh-ed25519@openssh.com`. */
  readonly type: string;
  readonly comment: string;
  readonly addedAt: string;
}

export interface TokenRecord {
  /** Public id, safe to show and to log; not the token. */
  readonly id: string;
  readonly user: string;
  readonly createdAt: string;
  readonly expiresAt: string;
  readonly revokedAt?: string;
}

/** What the doors ask. Every answer takes the same time whether the name is known or not. */
export interface Authenticator {
  /** The user who registered this public key (SSH wire blob); undefined when unknown or disabled. The signature is the door's to verify. */
  byPublicKey(blob: Buffer): Promise<Principal | undefined>;
  /** The owner of the token, if it lives and belongs to `user`. */
  byToken(user: string, token: string): Promise<Principal | undefined>;
  /** Asked again just before a push is forwarded: user enabled and in the same groups, credential alive. */
  stillValid(principal: Principal): Promise<boolean>;
}

/** What administrators ask. Unknown names throw NOT_FOUND, taken ones CONFLICT, bad input USAGE; each change is in the ledger before it takes effect. */
export interface Directory extends Authenticator {
  /** The owner of the token, if it lives: for pages and the API, where nobody names a user beside it. */
  byBearer(token: string): Promise<Principal | undefined>;
  addUser(
    user: {
      name: string;
      kind: PrincipalKind;
      groups: readonly string[];
      role: Role;
      emails?: readonly string[];
      owner?: string;
    },
    actor: string,
  ): Promise<UserRecord>;
  /** What is left out stays; an owner of `null` is taken away. The last administrator that is not disabled stays one: CONFLICT. */
  changeUser(
    name: string,
    change: {
      role?: Role;
      addGroups?: readonly string[];
      removeGroups?: readonly string[];
      owner?: string | null;
    },
    actor: string,
  ): Promise<UserRecord>;
  /** Adds and removes addresses; what is there already, or not there, stays so. */
  changeEmails(
    name: string,
    change: { add?: readonly string[]; remove?: readonly string[] },
    actor: string,
  ): Promise<UserRecord>;
  disableUser(name: string, actor: string): Promise<void>;
  /** Calls back after a user was disabled, a key removed or a token revoked. The listener must not throw. */
  onEnded(listener: () => void): void;
  users(): Promise<readonly UserRecord[]>;
  user(name: string): Promise<UserRecord | undefined>;
  /** `line` is one line of an OpenSSH .pub file. */
  addKey(user: string, line: string, actor: string): Promise<KeyRecord>;
  keys(user?: string): Promise<readonly KeyRecord[]>;
  removeKey(user: string, fingerprint: string, actor: string): Promise<void>;
  /** The token itself is returned once and kept only as a hash. `ttl` in milliseconds. */
  createToken(user: string, ttl: number, actor: string): Promise<{ token: string; record: TokenRecord }>;
  tokens(user?: string): Promise<readonly TokenRecord[]>;
  revokeToken(id: string, actor: string): Promise<void>;
}
