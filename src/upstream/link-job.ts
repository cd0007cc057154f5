import { type KeyObject, randomBytes, sign, verify } from 'node:crypto';
import { z } from 'zod';
import { RefgateError } from '../domain/error.ts';

const oid = z.string().regex(/^([0-9a-f]{40}|[0-9a-f]{64})$/);
const upstream = z.string().min(1).max(200);
const path = z.string().min(1).max(1024);
const pattern = z.string().min(1).max(200);

const vaultOperationSchema = z.discriminatedUnion('do', [
  z.strictObject({
    do: z.enum(['deploy-key-create', 'deploy-key-import', 'deploy-key-remove', 'credential-remove']),
    upstream,
    pattern,
  }),
  z.strictObject({ do: z.literal('credential-set'), upstream, pattern, user: z.string().min(1).max(256) }),
  z.strictObject({ do: z.literal('list'), upstream: upstream.optional() }),
]);

const operationSchema = z.discriminatedUnion('op', [
  z.strictObject({ op: z.literal('upload-pack'), upstream, path, advertised: z.boolean() }),
  z.strictObject({ op: z.literal('advertisement'), upstream, path }),
  z.strictObject({ op: z.literal('prepare'), upstream, path, session: z.string().max(200) }),
  z.strictObject({
    op: z.literal('relay'),
    upstream,
    path,
    session: z.string().max(200),
    updates: z.array(z.strictObject({ ref: z.string().min(1).max(4096), oldOid: oid, newOid: oid })).min(1),
    pushOptions: z.array(z.string().max(65_000)),
    atomic: z.boolean(),
    quiet: z.boolean(),
    objectFormat: z.enum(['sha1', 'sha256']),
    pack: z
      .strictObject({ bytes: z.number().int().nonnegative(), sha256: z.string().regex(/^[0-9a-f]{64}$/) })
      .optional(),
  }),
  z.strictObject({ op: z.literal('check'), upstream, path }),
  z.strictObject({ op: z.literal('vault'), change: vaultOperationSchema }),
]);

const jobSchema = z.strictObject({
  v: z.literal(1),
  nonce: z.string().regex(/^[A-Za-z0-9_-]{22}$/),
  /** Milliseconds since the epoch. */
  issued: z.number().int(),
  expires: z.number().int(),
  operation: operationSchema,
});

/** What the gateway asks of the agent, exactly. */
export type Operation = z.infer<typeof operationSchema>;
export type OperationOf<Op extends Operation['op']> = Extract<Operation, { op: Op }>;
export type RelayOperation = OperationOf<'relay'>;
export type VaultOperation = z.infer<typeof vaultOperationSchema>;
export type Job = z.infer<typeof jobSchema>;

/** How long after signing a job may be opened, in milliseconds. */
export const jobLifetime = 60_000;

/** Keeps this signature apart from every other use of the gateway's key. */
const context = Buffer.from('refgate agent job v1\n');

/** Signs an operation with the gateway's Ed25519 key: base64url of the JSON, a dot, base64url of the signature. */
export function signJob(operation: Operation, key: KeyObject, now = Date.now()): string {
  const job: Job = {
    v: 1,
    nonce: randomBytes(16).toString('base64url'),
    issued: now,
    expires: now + jobLifetime,
    operation,
  };
  const payload = Buffer.from(JSON.stringify(job));
  const signature = sign(null, Buffer.concat([context, payload]), key);
  return `${payload.toString('base64url')}.${signature.toString('base64url')}`;
}

/** Gives back the job that was signed. JOB_INVALID unless the signature, the shape and the times are right; the nonce is the caller's to judge. */
export function verifyJob(signed: string, key: KeyObject, now = Date.now()): Job {
  const [payloadText, signatureText, ...rest] = signed.split('.');
  if (!payloadText || !signatureText || rest.length > 0) throw invalid('not of the form payload.signature');
  const payload = Buffer.from(payloadText, 'base64url');
  const signature = Buffer.from(signatureText, 'base64url');
  if (!verify(null, Buffer.concat([context, payload]), key, signature))
    throw invalid('the signature is wrong');
  const job = parseJob(payload);
  if (job.expires < now || job.issued > now + jobLifetime)
    throw invalid('it has expired; compare the clocks');
  if (job.expires - job.issued > jobLifetime) throw invalid('its lifetime is too long');
  return job;
}

function parseJob(payload: Buffer): Job {
  try {
    return jobSchema.parse(JSON.parse(payload.toString('utf8')));
  } catch (cause) {
    throw new RefgateError('JOB_INVALID', 'refgate', 'its content is not understood', { cause });
  }
}

function invalid(detail: string): RefgateError {
  return new RefgateError('JOB_INVALID', 'refgate', detail);
}
