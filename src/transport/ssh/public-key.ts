/**
 * Users' public keys in SSH wire form: RFC 4253 (RSA), RFC 5656 (ECDSA),
 * RFC 8709 (Ed25519), and OpenSSH's PROTOCOL.u2f for keys on a FIDO token.
 * Certificates are not keys here, and are refused. src/identity/public-key.ts
 * is the strict parser, of keys that are registered: a test there holds that
 * each of those is parsed here.
 */
import { createPublicKey, type JsonWebKey, type KeyObject } from 'node:crypto';
import { unsignedOf, WireReader } from './wire.ts';

/** A parsed key. `application` is what a FIDO key is bound to; only sk- keys have it. */
export interface SshPublicKey {
  readonly type: string;
  readonly key: KeyObject;
  readonly application?: Buffer;
}

const curves: Readonly<Record<string, { name: string; jwk: string; size: number }>> = {
  'ecdsa-sha2-nistp256': { name: 'nistp256', jwk: 'P-256', size: 32 },
  'ecdsa-sha2-nistp384': { name: 'nistp384', jwk: 'P-384', size: 48 },
  'ecdsa-sha2-nistp521': { name: 'nistp521', jwk: 'P-521', size: 66 },
  'sk-ecdsa-sha2-nistp256@openssh.com': { name: 'nistp256', jwk: 'P-256', size: 32 },
};

// Larger keys only make the server work; smaller ones are weak.
const rsaBits = { least: 2048, most: 8192 };

/** Parses a public key blob. Undefined for anything that is not a whole, sound key of a supported type. */
export function parsePublicKey(blob: Buffer): SshPublicKey | undefined {
  const reader = new WireReader(blob);
  const type = reader.string()?.toString('latin1') ?? '';
  const jwk = readJwk(type, reader);
  const application = type.startsWith('sk-') ? reader.string() : undefined;
  if (jwk === undefined || !reader.atEnd) return undefined;
  if (type.startsWith('sk-') && application === undefined) return undefined;
  try {
    const key = createPublicKey({ key: jwk, format: 'jwk' });
    return { type, key, ...(application && { application }) };
  } catch {
    return undefined; // such as a point that is not on its curve
  }
}

function readJwk(type: string, reader: WireReader): JsonWebKey | undefined {
  if (type === 'ssh-rsa') return readRsa(reader);
  if (type === 'ssh-ed25519' || type === 'sk-ssh-ed25519@openssh.com') {
    const x = reader.string();
    return x?.length === 32 ? { kty: 'OKP', crv: 'Ed25519', x: x.toString('base64url') } : undefined;
  }
  return Object.hasOwn(curves, type) ? readPoint(type, reader) : undefined;
}

function readRsa(reader: WireReader): JsonWebKey | undefined {
  const e = unsignedOf(reader.string() ?? Buffer.alloc(0), 4);
  const modulus = reader.string();
  if (e === undefined || modulus === undefined || (modulus[0] ?? 0x80) >= 0x80) return undefined;
  const n = modulus[0] === 0 ? modulus.subarray(1) : modulus;
  const bits = n.length * 8 - Math.clz32(n[0] ?? 0) + 24;
  const exponent = e.readUInt32BE();
  if (bits < rsaBits.least || bits > rsaBits.most || exponent < 3 || exponent % 2 === 0) return undefined;
  return { kty: 'RSA', n: n.toString('base64url'), e: e.toString('base64url') };
}

function readPoint(type: string, reader: WireReader): JsonWebKey | undefined {
  const curve = curves[type];
  const name = reader.string()?.toString('latin1');
  const point = reader.string();
  if (curve === undefined || name !== curve.name) return undefined;
  if (point?.length !== 1 + 2 * curve.size || point[0] !== 4) return undefined;
  return {
    kty: 'EC',
    crv: curve.jwk,
    x: point.subarray(1, 1 + curve.size).toString('base64url'),
    y: point.subarray(1 + curve.size).toString('base64url'),
  };
}
