import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import fc from 'fast-check';
import { RefgateError } from '../../src/domain/error.ts';
import { fingerprintOf, parsePublicKey } from '../../src/identity/public-key.ts';
import { parsePublicKey as parseAtDoor } from '../../src/transport/ssh/public-key.ts';

const dir = mkdtempSync(join(tmpdir(), 'refgate-keys-'));
after(() => rmSync(dir, { recursive: true }));

const usage = (text: RegExp) => (error: unknown) => {
  assert.ok(error instanceof RefgateError);
  assert.equal(error.code, 'USAGE');
  assert.match(error.message, text);
  return true;
};

/** The path of a new key pair, by ssh-keygen. */
function keygen(name: string, ...args: string[]): string {
  const file = join(dir, name);
  execFileSync('ssh-keygen', ['-q', '-N', '', '-C', 'alice@laptop 2', '-f', file, ...args]);
  return file;
}

const kinds = [
  ['ed25519', 'ssh-ed25519', '-t', 'ed25519'],
  ['p256', 'ecdsa-sha2-nistp256', '-t', 'ecdsa', '-b', '256'],
  ['p384', 'ecdsa-sha2-nistp384', '-t', 'ecdsa', '-b', '384'],
  ['p521', 'ecdsa-sha2-nistp521', '-t', 'ecdsa', '-b', '521'],
  ['rsa', 'ssh-rsa', '-t', 'rsa', '-b', '2048'],
] as const;

const files = kinds.map(([name, type, ...args]) => ({ type, file: keygen(name, ...args) }));
const line = (index: number): string => readFileSync(`${files[index]?.file}.pub`, 'utf8');
const ed25519 = line(0);
const p256 = line(1);
const rsa = line(4);

const blobOf = (text: string): Buffer => Buffer.from(text.split(' ')[1] ?? '', 'base64');

function field(bytes: Uint8Array | string): Buffer {
  const content = Buffer.from(bytes);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(content.length);
  return Buffer.concat([length, content]);
}

const lineOf = (type: string, ...fields: readonly (Uint8Array | string)[]): string =>
  `${type} ${Buffer.concat(fields.map(field)).toString('base64')} x`;

test('every type that ssh-keygen makes is read, with the fingerprint that ssh-keygen prints', () => {
  for (const { type, file } of files) {
    const key = parsePublicKey(readFileSync(`${file}.pub`, 'utf8'));
    const printed = execFileSync('ssh-keygen', ['-lf', `${file}.pub`], { encoding: 'utf8' });
    assert.deepEqual(key, { type, fingerprint: printed.split(' ')[1], comment: 'alice@laptop 2' });
    assert.equal(fingerprintOf(blobOf(readFileSync(`${file}.pub`, 'utf8'))), key.fingerprint);
  }
});

test('security keys are read, and ssh-keygen agrees about their fingerprint', () => {
  const point = blobOf(p256).subarray(-65);
  const lines = [
    lineOf('sk-ssh-ed25519@openssh.com', 'sk-ssh-ed25519@openssh.com', Buffer.alloc(32, 7), 'ssh:'),
    lineOf(
      'sk-ecdsa-sha2-nistp256@openssh.com',
      'sk-ecdsa-sha2-nistp256@openssh.com',
      'nistp256',
      point,
      'ssh:',
    ),
  ];
  for (const text of lines) {
    const printed = execFileSync('ssh-keygen', ['-lf', '-'], { input: text, encoding: 'utf8' });
    assert.equal(parsePublicKey(text).fingerprint, printed.split(' ')[1]);
  }
  const noApplication = lineOf(
    'sk-ssh-ed25519@openssh.com',
    'sk-ssh-ed25519@openssh.com',
    Buffer.alloc(32, 7),
    '',
  );
  assert.throws(() => parsePublicKey(noApplication), usage(/names its application/));
});

test('line ends of both kinds and a missing comment are fine', () => {
  const bare = ed25519.trim().split(' ').slice(0, 2).join(' ');
  assert.equal(parsePublicKey(bare).comment, '');
  assert.equal(parsePublicKey(`${bare}\r\n`).fingerprint, parsePublicKey(ed25519).fingerprint);
});

test('a private key is refused, and the text says so', () => {
  const secret = readFileSync(files[0]?.file ?? '', 'utf8');
  assert.throws(() => parsePublicKey(secret), usage(/private key; give the \.pub file/));
});

test('options, two keys, certificates and unknown types are refused, and the text says why', () => {
  assert.throws(() => parsePublicKey(`command="x" ${ed25519}`), usage(/options before the key/));
  assert.throws(() => parsePublicKey(`restrict,no-pty ${ed25519}`), usage(/options before the key/));
  assert.throws(() => parsePublicKey(ed25519 + p256), usage(/exactly one line/));
  assert.throws(() => parsePublicKey(lineOf('ssh-ed25519-cert-v01@openssh.com', 'x')), usage(/certificate/));
  assert.throws(() => parsePublicKey(lineOf('ssh-dss', 'ssh-dss')), usage(/DSA/));
  for (const text of ['', 'hello', 'toString AAAA', '# comment']) {
    assert.throws(() => parsePublicKey(text), usage(/not a public key of a known type/));
  }
});

test('a blob of another type than the first word is refused', () => {
  assert.throws(
    () => parsePublicKey(ed25519.replace('ssh-ed25519', 'ssh-rsa')),
    usage(/not of the type ssh-rsa/),
  );
  const other = p256.replace('ecdsa-sha2-nistp256', 'ecdsa-sha2-nistp384');
  assert.throws(() => parsePublicKey(other), usage(/not of the type/));
});

test('a blob that is longer, shorter or not canonical base64 is refused', () => {
  const blob = blobOf(ed25519);
  const line = (bytes: Buffer) => `ssh-ed25519 ${bytes.toString('base64')} x`;
  assert.throws(() => parsePublicKey(line(Buffer.concat([blob, Buffer.alloc(1)]))), usage(/bytes follow/));
  for (let length = 0; length < blob.length; length++) {
    assert.throws(() => parsePublicKey(line(blob.subarray(0, length))), usage(/cut short|base64/));
  }
  const base64 = blob.toString('base64');
  for (const text of [
    `${base64}=`,
    `${base64}!`,
    base64.replace(/=*$/, ''),
    `${base64.slice(0, 8)}-${base64.slice(9)}`,
  ]) {
    if (text !== base64) assert.throws(() => parsePublicKey(`ssh-ed25519 ${text}`), usage(/base64/));
  }
});

test('weak and malformed RSA keys are refused', () => {
  const modulus = Buffer.concat([Buffer.from([0]), Buffer.alloc(256, 0xff)]);
  const three = Buffer.from([3]);
  const rsaLine = (e: Buffer, n: Buffer) => lineOf('ssh-rsa', 'ssh-rsa', e, n);
  assert.equal(parsePublicKey(rsaLine(three, modulus)).type, 'ssh-rsa');
  const small = readFileSync(`${keygen('small', '-t', 'rsa', '-b', '1024')}.pub`, 'utf8');
  assert.throws(() => parsePublicKey(small), usage(/at least 2048 bits/));
  const almost = Buffer.concat([Buffer.from([0x7f]), Buffer.alloc(255, 0xff)]);
  assert.throws(() => parsePublicKey(rsaLine(three, almost)), usage(/at least 2048 bits/));
  const huge = Buffer.alloc(1025, 0x7f);
  assert.throws(() => parsePublicKey(rsaLine(three, huge)), usage(/at most 8192 bits/));
  const padded = Buffer.concat([Buffer.from([0, 0x7f]), Buffer.alloc(256, 0xff)]);
  for (const [e, n] of [
    [three, padded],
    [three, modulus.subarray(1)],
    [three, Buffer.alloc(0)],
    [Buffer.from([1]), modulus],
    [Buffer.from([4]), modulus],
    [Buffer.from([0]), modulus],
  ] as const) {
    assert.throws(() => parsePublicKey(rsaLine(e, n)), usage(/RSA key is not valid/));
  }
});

test('an ECDSA point that is not on its curve, compressed or of another curve is refused', () => {
  const point = blobOf(p256).subarray(-65);
  const type = 'ecdsa-sha2-nistp256';
  const off = Buffer.from(point);
  off.writeUInt8(point.readUInt8(64) ^ 1, 64);
  assert.throws(() => parsePublicKey(lineOf(type, type, 'nistp256', off)), usage(/not on its curve/));
  const compressed = Buffer.concat([Buffer.from([2]), point.subarray(1, 33)]);
  assert.throws(() => parsePublicKey(lineOf(type, type, 'nistp256', compressed)), usage(/uncompressed/));
  assert.throws(() => parsePublicKey(lineOf(type, type, 'nistp384', point)), usage(/another curve/));
});

test('control characters and very long comments are refused', () => {
  const bare = ed25519.trim();
  for (const bad of ['\u001b[2J', '\u0000', '\u0085', '\r']) {
    assert.throws(() => parsePublicKey(`${bare} ${bad} x`), usage(/one line/));
  }
  assert.throws(() => parsePublicKey(`${bare} ${'x'.repeat(300)}`), usage(/comment/));
  assert.throws(() => parsePublicKey(`${bare} ${'x'.repeat(20_000)}`), usage(/too long/));
});

test('any text is a key or a USAGE error', () => {
  const cut = fc.tuple(fc.constantFrom(ed25519, p256, rsa), fc.nat(), fc.nat(255)).map(([text, at, byte]) => {
    const bytes = blobOf(text);
    bytes.writeUInt8(byte, at % bytes.length);
    return `${text.split(' ')[0]} ${bytes.toString('base64')}`;
  });
  fc.assert(
    fc.property(fc.oneof(fc.string(), cut), (text) => {
      try {
        parsePublicKey(text);
      } catch (error) {
        assert.ok(error instanceof RefgateError && error.code === 'USAGE');
      }
    }),
  );
});

const skEd25519 = 'sk-ssh-ed25519@openssh.com';
const skP256 = 'sk-ecdsa-sha2-nistp256@openssh.com';

const registered: readonly string[] = [
  ...files.map((_, index) => line(index)),
  lineOf(skEd25519, skEd25519, Buffer.alloc(32, 7), 'ssh:'),
  lineOf(skP256, skP256, 'nistp256', blobOf(p256).subarray(-65), 'ssh:'),
  ...[256, 1024].flatMap((bytes) =>
    [[3], [1, 0, 1], [0, 0xff, 0xff, 0xff, 0xff]].map((exponent) =>
      lineOf(
        'ssh-rsa',
        'ssh-rsa',
        Buffer.from(exponent),
        Buffer.concat([Buffer.alloc(1), Buffer.alloc(bytes, 0xff)]),
      ),
    ),
  ),
];

test('every key that can be registered is one that the SSH door verifies with', () => {
  for (const text of registered)
    assert.equal(parseAtDoor(blobOf(text))?.type, parsePublicKey(text).type, text);
  const changed = fc
    .tuple(fc.constantFrom(...registered), fc.nat(), fc.nat(255), fc.nat(3))
    .map(([text, at, byte, more]) => {
      const bytes = Buffer.concat([blobOf(text), Buffer.alloc(more === 3 ? 1 : 0)]);
      bytes.writeUInt8(byte, at % bytes.length);
      return `${text.split(' ')[0]} ${bytes.toString('base64')}`;
    });
  fc.assert(
    fc.property(changed, (text) => {
      if (isRegistered(text)) assert.equal(parseAtDoor(blobOf(text))?.type, text.split(' ')[0]);
    }),
    { numRuns: 1000 },
  );
});

test('a key that is too long for the door, or its exponent, cannot be registered', () => {
  const odd = (bytes: number): Buffer => Buffer.concat([Buffer.alloc(1), Buffer.alloc(bytes, 0xff)]);
  for (const [exponent, modulus] of [
    [Buffer.from([3]), Buffer.concat([Buffer.from([1]), Buffer.alloc(1024, 0xff)])],
    [Buffer.from([1, 0, 0, 0, 1]), odd(256)],
  ] as const) {
    const text = lineOf('ssh-rsa', 'ssh-rsa', exponent, modulus);
    assert.equal(parseAtDoor(blobOf(text)), undefined);
    assert.equal(isRegistered(text), false);
  }
});

function isRegistered(text: string): boolean {
  try {
    return parsePublicKey(text) !== undefined;
  } catch {
    return false;
  }
}
