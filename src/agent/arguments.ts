import { parseArgs } from 'node:util';
import { RefgateError } from '../domain/error.ts';

const usage =
  'refgate-agent --socket PATH --data FOLDER --gateway-key FILE --upstreams FILE.json [--parent-stdin]';

/** For --help. */
export const helpText = `Usage: ${usage}

Holds deploy keys and tokens, and dials the upstreams for a gateway. A gateway starts one by itself,
unless its refgate.yaml names the socket of another one as agentSocket.

Options:
  --socket PATH       the Unix socket to listen on, in a folder that is shared with the gateway alone
  --data FOLDER       where the vault is kept
  --gateway-key FILE  the gateway's public key; REFGATE_GATEWAY_KEY holds its text instead
  --upstreams FILE    the upstreams as JSON; see docs/configuration.md
  --parent-stdin      end when standard input ends
`;

export interface AgentArguments {
  /** Where the agent listens: a path of a Unix socket, in a folder that is its own. */
  readonly socket: string;
  /** The folder of the vault. */
  readonly data: string;
  /** A PEM file with the gateway's Ed25519 public key, or its text. */
  readonly gatewayKey: { readonly file: string } | { readonly text: string };
  readonly upstreams: string;
  /** Whether to end when stdin ends, so that the agent does not outlive the gateway that started it. */
  readonly parentStdin: boolean;
  /** 64 hex digits. */
  readonly vaultKey?: string;
}

/** USAGE with the whole form when something is missing. REFGATE_GATEWAY_KEY and REFGATE_VAULT_KEY stand in for their files. */
export function readArguments(words: readonly string[], environment: NodeJS.ProcessEnv): AgentArguments {
  const values = parse(words);
  const vaultKey = environment['REFGATE_VAULT_KEY'];
  const keyText = environment['REFGATE_GATEWAY_KEY'];
  const keyFile = values['gateway-key'];
  const gatewayKey = keyFile ? { file: keyFile } : keyText ? { text: keyText } : undefined;
  const { socket, data, upstreams } = values;
  if (!socket || !data || !upstreams || !gatewayKey)
    throw new RefgateError('USAGE', 'operator', `usage: ${usage}`);
  const parentStdin = values['parent-stdin'] ?? false;
  return { socket, data, upstreams, gatewayKey, parentStdin, ...(vaultKey ? { vaultKey } : {}) };
}

function parse(words: readonly string[]) {
  try {
    return parseArgs({
      args: [...words],
      options: {
        socket: { type: 'string' },
        data: { type: 'string' },
        'gateway-key': { type: 'string' },
        upstreams: { type: 'string' },
        'parent-stdin': { type: 'boolean' },
      },
    }).values;
  } catch (cause) {
    throw new RefgateError('USAGE', 'operator', `usage: ${usage}`, { cause });
  }
}
