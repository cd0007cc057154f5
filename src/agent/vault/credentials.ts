import type { Secret } from '../../domain/secret.ts';

export interface DeployKey {
  /** `SHA256:` and unpadded base64, as ssh-keygen -l prints it. */
  readonly fingerprint: string;
  /** In OpenSSH's or PEM form, not encrypted. */
  readonly privateKey: Secret<string>;
}

export interface Login {
  readonly user: string;
  readonly password: Secret<string>;
}

/** What the dials ask. CREDENTIAL_MISSING, with the command that adds one, when no pattern matches. */
export interface Credentials {
  deployKey(upstream: string, path: string): DeployKey;
  login(upstream: string, path: string): Login;
}
