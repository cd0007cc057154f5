import type { KeyObject } from 'node:crypto';
import { request as httpRequest } from 'node:http';
import { z } from 'zod';
import type { Secret } from '../domain/secret.ts';
import { linkHeaders, linkPaths } from './link.ts';
import { accepted, readJson, responseTo } from './link-client.ts';
import { signJob, type VaultOperation } from './link-job.ts';
import { type HeldCredential, heldCredentialSchema } from './link-vault.ts';

export interface VaultClient {
  /**
   * Does what the ticket says, once. `secret` is the private key or the
   * password, where the ticket is for one; it goes to the agent's socket and
   * nowhere else. Throws JOB_INVALID, USAGE, CONFLICT, NOT_FOUND, UPSTREAM_UNREACHABLE.
   */
  apply(ticket: string, secret?: Secret<string>): Promise<readonly HeldCredential[]>;
}

/** The gateway's leave for one change of the vault, to be used within a minute. The change must be in the ledger before this is given away. */
export function signVaultTicket(operation: VaultOperation, signer: KeyObject): string {
  return signJob({ op: 'vault', change: operation }, signer);
}

/** Talks to the agent's socket, without the gateway between. `timeout` in milliseconds. */
export function createVaultClient(socketPath: string, timeout = 15_000): VaultClient {
  return {
    async apply(ticket, secret) {
      const headers = { [linkHeaders.job]: ticket };
      const request = httpRequest({
        socketPath,
        path: linkPaths.vault,
        method: 'POST',
        agent: false,
        headers,
      });
      const answered = responseTo(request, timeout);
      request.end(secret?.reveal() ?? '');
      return z.array(heldCredentialSchema).parse(await readJson(await accepted(await answered)));
    },
  };
}
