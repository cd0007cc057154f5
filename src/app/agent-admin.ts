import type { KeyObject } from 'node:crypto';
import type { AgentAdmin, AgentCredential, AgentState } from '../domain/admin.ts';
import { RefgateError } from '../domain/error.ts';
import type { Log } from '../domain/log.ts';
import type { HeldCredential } from '../upstream/link-vault.ts';
import { createVaultClient, signVaultTicket } from '../upstream/vault-client.ts';

/** How long the agent has to say what it holds, in ms. */
const patience = 5_000;

/**
 * The agent as people look at it: it is asked what it holds, which it answers
 * with public halves and names. Nothing secret comes here, since it gives away
 * nothing secret.
 */
export function createAgentAdmin(options: {
  readonly socket: string;
  readonly upstreams: readonly string[];
  readonly signer: KeyObject;
  /** The process that we started; absent for an agent that runs by itself. */
  readonly embedded: { readonly pid: number | undefined; readonly since: string } | undefined;
  readonly log: Log;
}): AgentAdmin {
  const { socket, upstreams, signer, embedded, log } = options;
  const state = async (): Promise<AgentState> => {
    const common = { name: 'local', embedded: embedded !== undefined, socket, upstreams };
    try {
      const held = await createVaultClient(socket, patience).apply(signVaultTicket({ do: 'list' }, signer));
      const credentials = held.map(toCredential);
      if (embedded === undefined) return { ...common, alive: true, credentials };
      const { pid, since } = embedded;
      return { ...common, alive: true, since, ...(pid === undefined ? {} : { pid }), credentials };
    } catch (error) {
      log.warn({ err: error }, 'agent does not say what it holds');
      return { ...common, alive: false, problem: problemOf(error), credentials: [] };
    }
  };
  return { list: async () => [await state()] };
}

function problemOf(error: unknown): string {
  const why = error instanceof RefgateError ? (error.detail ?? error.message) : 'it answered what is no list';
  return `${why}; see the log of the server`;
}

function toCredential({ publicKey, fingerprint, user, ...rest }: HeldCredential): AgentCredential {
  return {
    ...rest,
    ...(publicKey === undefined ? {} : { publicKey }),
    ...(fingerprint === undefined ? {} : { fingerprint }),
    ...(user === undefined ? {} : { user }),
  };
}
