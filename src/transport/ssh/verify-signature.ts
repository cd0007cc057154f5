/**
 * Verifies a user's signature, RFC 4252 section 7, for plain keys and, after
 * OpenSSH's PROTOCOL.u2f, for keys on a FIDO token. The SSH library does not
 * verify: without this a public key alone would open the door.
 */
import { createHash, verify } from 'node:crypto';
import { parsePublicKey, type SshPublicKey } from './public-key.ts';
import { unsignedOf, WireReader } from './wire.ts';

/** One signed authentication request. */
export interface SignedRequest {
  /** The signature algorithm the client named, such as `rsa-sha2-512`. */
  readonly algorithm: string;
  readonly keyBlob: Buffer;
  /** As ssh2 gives it: DER for ECDSA; signature, flags and counter for a FIDO key; else the bare signature. */
  readonly signature: Buffer;
  /** Session id and request, as they were signed. */
  readonly message: Buffer;
}

const digests: Readonly<Record<string, string | null>> = {
  'ssh-ed25519': null,
  'ecdsa-sha2-nistp256': 'sha256',
  'ecdsa-sha2-nistp384': 'sha384',
  'ecdsa-sha2-nistp521': 'sha512',
  'rsa-sha2-256': 'sha256',
  'rsa-sha2-512': 'sha512',
};

/** Whether a signature by `algorithm` can be made with a key of `type` at all. Never true for SHA-1. */
export function algorithmFits(algorithm: string, type: string): boolean {
  if (algorithm === 'rsa-sha2-256' || algorithm === 'rsa-sha2-512') return type === 'ssh-rsa';
  return algorithm === type && type !== 'ssh-rsa';
}

/** Whether the signature is good. Never throws: what cannot be parsed is not a good signature. */
export function verifySignature(request: SignedRequest): boolean {
  const key = parsePublicKey(request.keyBlob);
  if (key === undefined || !algorithmFits(request.algorithm, key.type)) return false;
  try {
    if (key.application !== undefined) return verifyToken(key, key.application, request);
    const digest = digests[request.algorithm];
    return digest !== undefined && verify(digest, request.message, key.key, request.signature);
  } catch {
    return false;
  }
}

const userPresent = 0x01;

function verifyToken(key: SshPublicKey, application: Buffer, request: SignedRequest): boolean {
  const reader = new WireReader(request.signature);
  const isEdwards = key.type === 'sk-ssh-ed25519@openssh.com';
  const signature = isEdwards ? reader.fixed(64) : readPair(reader);
  const flags = reader.fixed(1);
  const counter = reader.fixed(4);
  if (signature === undefined || flags === undefined || counter === undefined || !reader.atEnd) return false;
  if (((flags[0] as number) & userPresent) === 0) return false;
  const signed = Buffer.concat([sha256(application), flags, counter, sha256(request.message)]);
  return isEdwards
    ? verify(null, signed, key.key, signature)
    : verify('sha256', signed, { key: key.key, dsaEncoding: 'ieee-p1363' }, signature);
}

/** r and s of P-256, side by side. */
function readPair(reader: WireReader): Buffer | undefined {
  const r = reader.string();
  const s = reader.string();
  if (r === undefined || s === undefined) return undefined;
  const left = unsignedOf(r, 32);
  const right = unsignedOf(s, 32);
  return left && right && Buffer.concat([left, right]);
}

function sha256(bytes: Buffer): Buffer {
  return createHash('sha256').update(bytes).digest();
}
