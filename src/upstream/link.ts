/**
 * The agent link: HTTP/1.1, one operation per socket, the agent listening. This
 * file is the wire format and nothing else; both ends import it.
 *
 *   GET  /v1/upload-pack    Connection: Upgrade. 101, then protocol v2 as
 *                           pkt-lines in both directions: the capability
 *                           advertisement first if the 101 says so, then command
 *                           request and response, repeated.
 *   GET  /v1/advertisement  200, the upstream's receive-pack advertisement.
 *   POST /v1/relay          The body is the job (it may be large), then the pack.
 *                           200, the upstream's raw answer, and its outcome as a
 *                           trailer. It may be begun before the push is decided,
 *                           with a "prepare" job in its header: the agent opens
 *                           the upstream, and the body begins, once it comes,
 *                           with eight hex digits, the length of the job.
 *   GET  /v1/check          200, what works and what does not, as JSON.
 *   POST /v1/vault          One change of the vault; the body is the secret. 200, JSON.
 *
 * Every operation carries a signed job (link-job.ts). Refusals are a status of
 * 400 or more with a fault as JSON.
 */

import { z } from 'zod';
import { type Blame, type ErrorCode, errorCodes, RefgateError } from '../domain/error.ts';

export const linkPaths = {
  uploadPack: '/v1/upload-pack',
  advertisement: '/v1/advertisement',
  relay: '/v1/relay',
  check: '/v1/check',
  vault: '/v1/vault',
} as const;

export const linkHeaders = {
  /** The signed job. */
  job: 'refgate-job',
  /** Relay only, unless it was begun ahead: how many bytes at the start of the body are the signed job. */
  jobBytes: 'refgate-job-bytes',
  /** On the 101: `yes` when the advertisement comes first, `no` when commands may be sent at once. */
  advertised: 'refgate-advertised',
  /** On the 101: the word that begins an `ERR` pkt-line in which the agent, not the upstream, speaks. */
  faultMark: 'refgate-fault-mark',
  /** On a relay's answer: `yes` when it comes in sidebands. */
  sideband: 'refgate-sideband',
  /**
   * Trailer of a relay's answer: the fault that stands if there is no whole
   * report in the answer. It is UPSTREAM_LOST exactly when the upstream may have acted.
   */
  outcome: 'refgate-outcome',
} as const;

/** The length of a job at the head of a relay that was begun ahead. */
export const jobLengthDigits = 8;

export const upgradeProtocol = 'refgate-upload-pack';

/** The most bytes that a signed job may have, in a header and at the head of a relay's body. */
export const jobLimits = { header: 32 * 1024, body: 32 * 1024 * 1024 } as const;

const codes = Object.keys(errorCodes) as [ErrorCode, ...ErrorCode[]];

const faultSchema = z.strictObject({
  code: z.enum(codes),
  blame: z.enum(['client', 'upstream', 'operator', 'refgate'] satisfies [Blame, ...Blame[]]),
  detail: z.string().max(16_384).optional(),
});

/** The agent's error as one line of ASCII JSON, fit for a header. Anything but a RefgateError becomes INTERNAL without its text. */
export function formatFault(error: unknown): string {
  const known = error instanceof RefgateError ? error : new RefgateError('INTERNAL', 'refgate');
  const fault = { code: known.code, blame: known.blame, detail: known.detail?.slice(0, 2000) };
  return JSON.stringify(fault).replace(/[\u007f-\uffff]/g, escapeUnit);
}

/** The error that `formatFault` wrote; INTERNAL when the text is not one. */
export function parseFault(text: string): RefgateError {
  try {
    const { code, blame, detail } = faultSchema.parse(JSON.parse(text));
    return new RefgateError(code, blame, detail);
  } catch (cause) {
    return new RefgateError('INTERNAL', 'refgate', 'the agent gave an answer that is not understood', {
      cause,
    });
  }
}

function escapeUnit(unit: string): string {
  return `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`;
}

export const checkStepsSchema = z.array(
  z.strictObject({
    name: z.enum(['reachable', 'host-key', 'credential', 'repository', 'protocol-v2', 'filter', 'push']),
    outcome: z.enum(['ok', 'failed', 'skipped']),
    /** One line; on failure it ends with what to do. */
    text: z.string(),
  }),
);

/** One line of `refgate upstream check`. */
export type CheckStep = z.infer<typeof checkStepsSchema>[number];
