import { z } from 'zod';

/** A deploy key or a login that the agent holds, without its secret: what `POST /v1/vault` answers with. */
export const heldCredentialSchema = z.strictObject({
  kind: z.enum(['deploy-key', 'login']),
  upstream: z.string(),
  pattern: z.string(),
  createdAt: z.string(),
  /** Of a deploy key: the public half. */
  publicKey: z.string().optional(),
  fingerprint: z.string().optional(),
  /** Of a login. */
  user: z.string().optional(),
});

export type HeldCredential = z.infer<typeof heldCredentialSchema>;
