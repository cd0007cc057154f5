import { createHash, createPrivateKey, generateKeyPairSync } from 'node:crypto';
import type { ParsedKey } from 'ssh2';
import ssh2 from 'ssh2';
import { RefgateError } from '../../domain/error.ts';
import { Secret } from '../../domain/secret.ts';
import { openSshEd25519 } from './openssh-key.ts';

/** A private key in a form that the SSH client takes, and its public half. */
export interface KeyPair {
  readonly privateKey: Secret<string>;
  /** One line of an OpenSSH .pub file. */
  readonly publicKey: string;
  readonly fingerprint: string;
}

/** A new Ed25519 key. */
export function createKeyPair(comment: string): KeyPair {
  // Not by ssh2: it drops zero bytes at the beginning of a public key, and one pair in 256 is none.
  return describe(openSshEd25519(generateKeyPairSync('ed25519').privateKey), comment);
}

/** Reads a private key in OpenSSH's, PEM or PKCS #8 form. USAGE when it is none, is weak, or asks for a passphrase. */
export function importKeyPair(text: Secret<string>, comment: string): KeyPair {
  return describe(fromPkcs8(text.reveal()), comment);
}

/** `SHA256:` and unpadded base64, as ssh-keygen -l prints it. */
export function fingerprintOf(blob: Buffer): string {
  return `SHA256:${createHash('sha256').update(blob).digest('base64').replace(/=+$/, '')}`;
}

function describe(privateKey: string, comment: string): KeyPair {
  const key = parse(privateKey);
  const blob = key.getPublicSSH();
  return {
    privateKey: new Secret(privateKey),
    publicKey: `${key.type} ${blob.toString('base64')} ${comment}`,
    fingerprint: fingerprintOf(blob),
  };
}

function parse(text: string): ParsedKey {
  const key = ssh2.utils.parseKey(text);
  // The parser's message is not passed on: it has read the key.
  if (key instanceof Error && /encrypted|passphrase/i.test(key.message)) throw passphrase();
  if (key instanceof Error || !key.isPrivateKey()) {
    throw new RefgateError('USAGE', 'operator', 'this is not a private key in OpenSSH or PEM form');
  }
  if (key.type === 'ssh-dss' || (key.type === 'ssh-rsa' && modulusBits(key.getPublicSSH()) < minRsaBits)) {
    const detail = `DSA keys, and RSA keys of fewer than ${minRsaBits} bits, are not safe; let refgate deploy-key create make one`;
    throw new RefgateError('USAGE', 'operator', detail);
  }
  return key;
}

const minRsaBits = 2048;

/** The length of n in an ssh-rsa key: name, e and n, each after its length; RFC 4253 section 6.6. */
function modulusBits(blob: Buffer): number {
  let at = 0;
  for (const _ of ['name', 'e']) at += 4 + blob.readUInt32BE(at);
  const n = blob.subarray(at + 4, at + 4 + blob.readUInt32BE(at));
  return n.toString('hex').replace(/^0+/, '').length * 4;
}

/** In parts, so that nobody who searches for keys finds one here. */
const pkcs8Label = ['BEGIN', 'PRIVATE', 'KEY'].join(' ');

/** PKCS #8, which openssl writes, in a form that the SSH client takes; any other text as it is. */
function fromPkcs8(text: string): string {
  if (text.includes('BEGIN ENCRYPTED PRIVATE KEY')) throw passphrase();
  if (!text.includes(pkcs8Label)) return text.endsWith('\n') ? text : `${text}\n`;
  try {
    const key = createPrivateKey(text);
    if (key.asymmetricKeyType === 'ed25519') return openSshEd25519(key);
    if (key.asymmetricKeyType === 'rsa') return key.export({ type: 'pkcs1', format: 'pem' }).toString();
    return key.export({ type: 'sec1', format: 'pem' }).toString();
  } catch {
    throw new RefgateError('USAGE', 'operator', 'this private key is of a type that SSH does not use');
  }
}

function passphrase(): RefgateError {
  const detail =
    'the key asks for a passphrase, and nobody is there to type it; remove it with ssh-keygen -p';
  return new RefgateError('USAGE', 'operator', detail);
}
