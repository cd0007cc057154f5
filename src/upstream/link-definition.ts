import { z } from 'zod';

/**
 * How an upstream is reached, as the agent is told it: exactly one of ssh, http
 * and path. Without any credential, and with file names that are absolute.
 */
const sshSchema = z.strictObject({
  /** `ssh://USER@HOST[:PORT][/PREFIX]`. */
  url: z.string().max(2048),
  /** Lines of a known_hosts file without the host: `ssh-ed25519 AAAA...`. There is no trust on first use. */
  hostKeys: z.array(z.string().max(16_384)).min(1).max(64),
});

const httpSchema = z.strictObject({
  /** `http(s)://HOST[:PORT][/PREFIX]`, without a user. */
  url: z.string().max(2048),
  /** A PEM file with the only certificate authorities that are believed; the system's when left out. */
  ca: z.string().max(4096).optional(),
});

const pathSchema = z.strictObject({
  /** A folder of bare repositories on the agent's disk. */
  root: z.string().max(4096),
});

const upstreamDefinitionSchema = z.union([
  z.strictObject({ ssh: sshSchema }),
  z.strictObject({ http: httpSchema }),
  z.strictObject({ path: pathSchema }),
]);

/** The file that the gateway hands to the agent with `--upstreams`. */
export const upstreamDefinitionsSchema = z.record(z.string().min(1).max(200), upstreamDefinitionSchema);

export type SshDefinition = z.infer<typeof sshSchema>;
export type HttpDefinition = z.infer<typeof httpSchema>;
export type PathDefinition = z.infer<typeof pathSchema>;
export type UpstreamDefinitions = z.infer<typeof upstreamDefinitionsSchema>;
