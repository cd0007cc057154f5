import { RefgateError } from '../../domain/error.ts';

/** What one SSH door lets its peers have. Times in milliseconds. */
export interface SshLimits {
  /** From the TCP connection to the accepted signature. */
  readonly loginGraceMs: number;
  /** Refused signatures per connection. */
  readonly maxAuthTries: number;
  /** As in sshd_config(5): connections not logged in at which some, what part of them in percent, and all are dropped. */
  readonly maxStartups: string;
  /** Connections of one source that are not logged in. */
  readonly maxStartupsPerSource: number;
  readonly maxConnections: number;
  readonly maxConnectionsPerSource: number;
  /** Channels open at once on one connection. */
  readonly maxSessionsPerConnection: number;
  /** No byte either way on a session, or no session on a connection. */
  readonly idleMs: number;
  /** Between the questions whether the peer is still there; after four without an answer it is not. */
  readonly keepaliveMs: number;
  /** Bytes either way after which new keys are exchanged. */
  readonly rekeyBytes: number;
  readonly penalties: Penalties;
}

/** Milliseconds for which a source is turned away, after sshd_config(5), PerSourcePenalties. All 0 turns them off. */
export interface Penalties {
  /** Offered something, and did not get in. */
  readonly authFailed: number;
  /** Left without trying. */
  readonly noAuth: number;
  /** Was still not logged in when the time was over. */
  readonly graceExceeded: number;
  /** Penalties add up, and are enforced from here on. */
  readonly least: number;
  readonly most: number;
  /** Whether this machine's own addresses are penalised too: behind a proxy here, everybody has them. */
  readonly loopback: boolean;
}

export const defaultSshLimits: SshLimits = {
  loginGraceMs: 60_000,
  maxAuthTries: 3,
  maxStartups: '10:30:60',
  maxStartupsPerSource: 30,
  maxConnections: 4_000,
  maxConnectionsPerSource: 200,
  maxSessionsPerConnection: 10,
  idleMs: 900_000,
  keepaliveMs: 30_000,
  rekeyBytes: 2 ** 34,
  penalties: {
    authFailed: 5_000,
    noAuth: 1_000,
    graceExceeded: 10_000,
    least: 15_000,
    most: 600_000,
    loopback: false,
  },
};

/** `start:rate:full`; see sshd_config(5), MaxStartups. */
export interface MaxStartups {
  readonly start: number;
  readonly rate: number;
  readonly full: number;
}

/** Throws CONFIG_INVALID. */
export function parseMaxStartups(text: string): MaxStartups {
  const [, start, rate, full] = (/^(\d{1,6}):(\d{1,3}):(\d{1,6})$/.exec(text) ?? []).map(Number);
  const isSound =
    start !== undefined &&
    rate !== undefined &&
    full !== undefined &&
    start >= 1 &&
    rate <= 100 &&
    full >= start;
  if (!isSound)
    throw new RefgateError(
      'CONFIG_INVALID',
      'operator',
      `maxStartups '${text}'; write start:rate:full, such as 10:30:60`,
    );
  return { start, rate, full };
}
