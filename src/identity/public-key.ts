/**
 * The strict parser of public keys, for people who register them.
 * src/transport/ssh/public-key.ts parses what a client then shows, for
 * verifying. A room each, and neither imports the other: a test holds them to
 * one rule, that every key which is taken here opens the door there.
 */
import { createHash, createPublicKey } from 'node:crypto';
import { RefgateError } from '../domain/error.ts';

/** One public key as OpenSSH writes it in a .pub file. */
export interface PublicKey {
  readonly type: string;
  /** `SHA256:` and unpadded base64, as ssh-keygen -l prints it. */
  readonly fingerprint: string;
  readonly comment: string;
}

const maxLineLength = 16_384;
const maxCommentLength = 256;

/** OpenSSH accepts RSA from 1,024 bits on; below 2,048 is not safe. Beyond 8,192 verification is a burden. */
const rsaBits = { least: 2048, most: 8192, exponent: 32 } as const;

/** Reads the fields of each type after its name; RFC 4253 section 6.6, RFC 5656, RFC 8709, OpenSSH PROTOCOL.u2f. */
const readers: Readonly<Record<string, (fields: Fields) => void>> = {
  'ssh-ed25519': readEd25519,
  'ecdsa-sha2-nistp256': (fields) => readEcdsa(fields, 'nistp256'),
  'ecdsa-sha2-nistp384': (fields) => readEcdsa(fields, 'nistp384'),
  'ecdsa-sha2-nistp521': (fields) => readEcdsa(fields, 'nistp521'),
  'ssh-rsa': readRsa,
  'sk-ssh-ed25519@openssh.com': (fields) => {
    readEd25519(fields);
    readApplication(fields);
  },
  'sk-ecdsa-sha2-nistp256@openssh.com': (fields) => {
    readEcdsa(fields, 'nistp256');
    readApplication(fields);
  },
};

const curves = {
  nistp256: { jwk: 'P-256', bytes: 32 },
  nistp384: { jwk: 'P-384', bytes: 48 },
  nistp521: { jwk: 'P-521', bytes: 66 },
} as const;

/** The fingerprint of a key in SSH wire form, as ssh-keygen -l prints it. */
export function fingerprintOf(blob: Uint8Array): string {
  return `SHA256:${createHash('sha256').update(blob).digest('base64').replace(/=+$/, '')}`;
}

/**
 * Parses one line of an OpenSSH .pub file: type, base64, comment. Options,
 * certificates, private keys, weak keys and anything that is not exactly one
 * key throw USAGE, which says what to do.
 */
export function parsePublicKey(text: string): PublicKey {
  if (text.includes('PRIVATE KEY'))
    throw usage('this is a private key; give the .pub file beside it, and keep this one');
  const line = text.replace(/\r?\n$/, '');
  if (line.length > maxLineLength) throw usage('the line is too long for a public key');
  if (/\p{Cc}/u.test(line.replaceAll('\t', ' '))) throw usage('give exactly one line of a .pub file');
  const [type = '', base64 = '', ...rest] = line.trim().split(/[ \t]+/);
  const read = Object.hasOwn(readers, type) ? readers[type] : undefined;
  if (!read) throw unknownType(type, [base64, ...rest]);
  const comment = rest.join(' ');
  if (comment.length > maxCommentLength)
    throw usage(`the comment is longer than ${maxCommentLength} characters`);
  const blob = parseBase64(base64);
  const fields = new Fields(blob);
  if (fields.text() !== type) throw usage(`the key is not of the type ${type} that the line begins with`);
  read(fields);
  fields.end();
  return { type, fingerprint: fingerprintOf(blob), comment };
}

function unknownType(type: string, rest: readonly string[]): RefgateError {
  if (type.includes('-cert-')) return usage('this is a certificate; give the public key itself');
  if (rest.some((word) => Object.hasOwn(readers, word))) {
    return usage('options before the key are not accepted; begin the line with the key type');
  }
  if (type === 'ssh-dss') return usage('DSA keys are not safe; make one with ssh-keygen -t ed25519');
  return usage(`not a public key of a known type (${Object.keys(readers).join(', ')})`);
}

function parseBase64(text: string): Buffer {
  const blob = Buffer.from(text, 'base64');
  if (text === '' || blob.toString('base64') !== text)
    throw usage('the key is not valid base64; copy the whole line');
  return blob;
}

/** The length-prefixed fields of a key blob, RFC 4251 section 5. */
class Fields {
  readonly #blob: Buffer;
  #at = 0;

  constructor(blob: Buffer) {
    this.#blob = blob;
  }

  bytes(): Buffer {
    if (this.#at + 4 > this.#blob.length) throw usage('the key is cut short; copy the whole line');
    const from = this.#at + 4;
    const to = from + this.#blob.readUInt32BE(this.#at);
    if (to > this.#blob.length) throw usage('the key is cut short; copy the whole line');
    this.#at = to;
    return this.#blob.subarray(from, to);
  }

  text(): string {
    return this.bytes().toString('latin1');
  }

  /** The bytes of a positive mpint, which must be in its shortest form; RFC 4251 section 5. */
  mpint(): Buffer {
    const bytes = this.bytes();
    const [first = 0, second = 0] = bytes;
    if (bytes.length === 0 || first >= 0x80 || (first === 0 && second < 0x80))
      throw usage('the RSA key is not valid');
    return first === 0 ? bytes.subarray(1) : bytes;
  }

  end(): void {
    if (this.#at !== this.#blob.length) throw usage('bytes follow the end of the key');
  }
}

function readEd25519(fields: Fields): void {
  if (fields.bytes().length !== 32) throw usage('an ed25519 key has 32 bytes');
}

function readEcdsa(fields: Fields, name: keyof typeof curves): void {
  const { jwk, bytes } = curves[name];
  if (fields.text() !== name) throw usage('the key is of another curve than its type says');
  const point = fields.bytes();
  if (point.length !== 1 + 2 * bytes || point[0] !== 4)
    throw usage('the ECDSA point is not in uncompressed form');
  const x = point.subarray(1, 1 + bytes).toString('base64url');
  const y = point.subarray(1 + bytes).toString('base64url');
  try {
    createPublicKey({ key: { kty: 'EC', crv: jwk, x, y }, format: 'jwk' });
  } catch (cause) {
    throw usage('the ECDSA point is not on its curve', cause);
  }
}

function readRsa(fields: Fields): void {
  const exponent = fields.mpint();
  const modulus = fields.mpint();
  if (bitsOf(exponent) < 2 || bitsOf(exponent) > rsaBits.exponent || isEven(exponent) || isEven(modulus)) {
    throw usage('the RSA key is not valid');
  }
  if (bitsOf(modulus) < rsaBits.least) {
    throw usage(`an RSA key needs at least ${rsaBits.least} bits; ssh-keygen -t ed25519 is better`);
  }
  if (bitsOf(modulus) > rsaBits.most) throw usage(`an RSA key has at most ${rsaBits.most} bits`);
}

function bitsOf(number: Buffer): number {
  return number.length * 8 - (Math.clz32(number[0] ?? 0) - 24);
}

function isEven(number: Buffer): boolean {
  return (number.at(-1) ?? 0) % 2 === 0;
}

function readApplication(fields: Fields): void {
  if (fields.bytes().length === 0) throw usage('a security key names its application');
}

function usage(text: string, cause?: unknown): RefgateError {
  return new RefgateError('USAGE', 'operator', text, { cause });
}
