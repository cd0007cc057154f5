import type { AuthContext, Connection, PublicKeyAuthContext } from 'ssh2';
import type { Authenticator } from '../../domain/identity.ts';
import type { Principal } from '../../domain/session.ts';
import { parsePublicKey } from './public-key.ts';
import { algorithmFits, verifySignature } from './verify-signature.ts';

/** How the login of one connection went, told as it happens. */
export interface LoginEvents {
  accepted(principal: Principal): void;
  /** A signature, or something that can never get in, was refused. */
  refused(): void;
  /** The connection has used up its tries, or asked too much; it is to be closed. */
  exhausted(): void;
  /** The authenticator threw; the connection is to be closed. */
  failed(error: unknown): void;
}

/** The one user name of the door, as with GitHub; who it really is, the key says. */
export const userName = 'git';

// Key queries are free, so that a client can offer what it has; but not endless.
const maxRequests = 40;

/**
 * Logs one connection in by public key. Every sound key is answered alike
 * when a client only asks about it, and a signature is verified before the key
 * is looked up, for unknown keys and users too: neither answer nor time tells
 * whether a key or a user name is known.
 */
export function authenticate(
  connection: Connection,
  authenticator: Authenticator,
  maxTries: number,
  events: LoginEvents,
): void {
  let requests = 0;
  let tries = 0;
  let isOver = false;

  async function decide(context: AuthContext): Promise<void> {
    if (isOver) return;
    if (++requests > maxRequests) return giveUp();
    if (context.method === 'none') return context.reject(['publickey']);
    if (context.method === 'publickey') {
      if (context.signature === undefined) return answerQuery(context);
      const principal = await proved(context, authenticator);
      if (isOver) return;
      if (principal !== undefined) {
        // before accept(), which at once lets the next packets in
        events.accepted(principal);
        return context.accept();
      }
    }
    events.refused();
    if (++tries >= maxTries) giveUp();
    else context.reject(['publickey']);
  }

  function giveUp(): void {
    isOver = true;
    events.exhausted();
  }

  connection.on('authentication', (context) => {
    decide(context).catch((error: unknown) => events.failed(error));
  });
}

/** As the client named it; ssh2 has split it. */
function algorithmOf(context: PublicKeyAuthContext): string {
  const named = context.key.algo as string;
  return named === 'ssh-rsa' && context.hashAlgo !== undefined
    ? `rsa-sha2-${context.hashAlgo.slice(3)}`
    : named;
}

function answerQuery(context: PublicKeyAuthContext): void {
  const algorithm = algorithmOf(context);
  const key = parsePublicKey(context.key.data);
  if (key === undefined || !algorithmFits(algorithm, key.type)) {
    context.reject(['publickey']);
    return;
  }
  // RFC 4252, 7: the answer repeats the algorithm of the request
  (context.key as { algo: string }).algo = algorithm;
  context.accept();
}

async function proved(
  context: PublicKeyAuthContext,
  authenticator: Authenticator,
): Promise<Principal | undefined> {
  const { signature, blob, key } = context;
  // The packet's memory is the library's; these are kept across an await.
  const keyBlob = Buffer.from(key.data);
  const isSigned =
    signature !== undefined &&
    blob !== undefined &&
    verifySignature({ algorithm: algorithmOf(context), keyBlob, signature, message: blob });
  const principal = await authenticator.byPublicKey(keyBlob);
  return isSigned && context.username === userName ? principal : undefined;
}
