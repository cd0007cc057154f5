/**
 * An SSH client that does exactly what it is told, for what no honest client
 * sends. Key exchange and packet ciphers are ssh2's; every message is ours.
 */
import { createHash, createSign, generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto';
import { createRequire } from 'node:module';
import { connect, type Socket } from 'node:net';

interface Protocol {
  readonly _kex: { sessionID: Buffer };
  readonly _packetRW: {
    write: { allocStart: number; alloc(size: number): Buffer; finalize(packet: Buffer): Buffer };
  };
  readonly _cipher: { encrypt(packet: Buffer): void };
  readonly _authsQueue: string[];
  start(): void;
  parse(data: Buffer, at: number, length: number): void;
  rekey(): void;
}

const load = createRequire(import.meta.url);
const ProtocolClass = load('ssh2/lib/protocol/Protocol.js') as new (options: object) => Protocol;

const kinds = [
  'DISCONNECT',
  'EXT_INFO',
  'SERVICE_ACCEPT',
  'USERAUTH_FAILURE',
  'USERAUTH_SUCCESS',
  'USERAUTH_PK_OK',
  'REQUEST_SUCCESS',
  'REQUEST_FAILURE',
  'CHANNEL_OPEN_CONFIRMATION',
  'CHANNEL_OPEN_FAILURE',
  'CHANNEL_WINDOW_ADJUST',
  'CHANNEL_DATA',
  'CHANNEL_EXTENDED_DATA',
  'CHANNEL_EOF',
  'CHANNEL_CLOSE',
  'CHANNEL_REQUEST',
  'CHANNEL_SUCCESS',
  'CHANNEL_FAILURE',
] as const;

export type Kind = (typeof kinds)[number] | 'closed';

export interface Message {
  readonly kind: Kind;
  readonly fields: readonly unknown[];
}

/** A number is one byte, a bigint an uint32, a text or bytes a `string`. */
export type Field = number | bigint | string | Buffer | boolean;

export function payload(...fields: readonly Field[]): Buffer {
  return Buffer.concat(
    fields.map((field) => {
      if (typeof field === 'number') return Buffer.from([field]);
      if (typeof field === 'boolean') return Buffer.from([field ? 1 : 0]);
      if (typeof field !== 'bigint') return wireString(field);
      const bytes = Buffer.alloc(4);
      bytes.writeUInt32BE(Number(field));
      return bytes;
    }),
  );
}

export class RawClient {
  readonly socket: Socket;
  readonly #protocol: Protocol;
  readonly #messages: Message[] = [];
  #wake: (() => void) | undefined;

  private constructor(socket: Socket, onReady: () => void) {
    this.socket = socket;
    const handlers = Object.fromEntries(
      kinds.map((kind) => [kind, (_protocol: unknown, ...fields: unknown[]) => this.#take({ kind, fields })]),
    );
    this.#protocol = new ProtocolClass({
      onWrite: (data: Buffer) => socket.writable && socket.write(data),
      onError: () => socket.destroy(),
      onHandshakeComplete: onReady,
      hostVerifier: (_key: Buffer, done: (isGood: boolean) => void) => done(true),
      messageHandlers: handlers,
    });
    this.#protocol.start();
    socket.on('data', (data: Buffer) => this.#protocol.parse(data, 0, data.length));
    socket.on('error', () => undefined);
    socket.on('close', () => this.#take({ kind: 'closed', fields: [] }));
  }

  /** Connects, and has exchanged keys. */
  static async connect(port: number): Promise<RawClient> {
    const socket = connect(port, '127.0.0.1');
    return await new Promise((resolve, reject) => {
      socket.once('close', () => reject(new Error('closed during the handshake')));
      const client: RawClient = new RawClient(socket, () => resolve(client));
    });
  }

  /** Connects and logs in. */
  static async login(port: number, key: RawKey): Promise<RawClient> {
    const client = await RawClient.connect(port);
    await client.startLogin();
    client.sendSigned(key);
    await client.next('USERAUTH_SUCCESS');
    return client;
  }

  get sessionId(): Buffer {
    return this.#protocol._kex.sessionID;
  }

  send(...fields: readonly Field[]): void {
    const bytes = payload(...fields);
    const writer = this.#protocol._packetRW.write;
    const packet = writer.alloc(bytes.length);
    packet.set(bytes, writer.allocStart);
    this.#protocol._cipher.encrypt(writer.finalize(packet));
  }

  /** The next message of this kind, or of one of these; what comes before it is forgotten. */
  async next(...wanted: readonly Kind[]): Promise<Message> {
    for (;;) {
      const message = this.#messages.shift();
      if (message !== undefined && wanted.includes(message.kind)) return message;
      if (message?.kind === 'closed') throw new Error(`closed before ${wanted.join(' or ')}`);
      if (message === undefined)
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
    }
  }

  async startLogin(): Promise<void> {
    this.send(5, 'ssh-userauth');
    await this.next('SERVICE_ACCEPT');
  }

  /** Asks whether a key would do. */
  sendQuery(blob: Buffer, algorithm: string, user = 'git'): void {
    this.#protocol._authsQueue.push('publickey');
    this.send(50, user, 'ssh-connection', 'publickey', false, algorithm, blob);
  }

  /** Logs in with a signature; each part may be another than it should be. */
  sendSigned(
    key: RawKey,
    lie: { user?: string; signedUser?: string; sessionId?: Buffer; signature?: Buffer } = {},
  ): void {
    const { user = 'git' } = lie;
    const request = (name: string): Field[] => [
      50,
      name,
      'ssh-connection',
      'publickey',
      true,
      key.algorithm,
      key.blob,
    ];
    const message = payload(lie.sessionId ?? this.sessionId, ...request(lie.signedUser ?? user));
    this.#protocol._authsQueue.push('publickey');
    this.send(...request(user), lie.signature ?? key.sign(message));
  }

  /** Opens a session channel; gives its number at the server. */
  async openSession(window = 2n ** 32n - 1n, packetSize = 32_768n): Promise<bigint> {
    this.send(90, 'session', 0n, window, packetSize);
    const { fields } = await this.next('CHANNEL_OPEN_CONFIRMATION');
    return BigInt((fields[0] as { sender: number }).sender);
  }

  rekey(): void {
    this.#protocol.rekey();
  }

  #take(message: Message): void {
    this.#messages.push(message);
    this.#wake?.();
  }
}

/** A key pair in software; `sign` gives the whole signature field. */
export interface RawKey {
  readonly algorithm: string;
  readonly blob: Buffer;
  sign(message: Buffer): Buffer;
}

export function ed25519Key(): RawKey {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519');
  return {
    algorithm: 'ssh-ed25519',
    blob: payload('ssh-ed25519', pointOf(publicKey)),
    sign: (message) => payload('ssh-ed25519', sign(null, message, privateKey)),
  };
}

export function rsaKey(algorithm: 'ssh-rsa' | 'rsa-sha2-256' | 'rsa-sha2-512', bits = 2048): RawKey {
  const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: bits });
  const { n, e } = publicKey.export({ format: 'jwk' });
  const modulus = Buffer.concat([Buffer.alloc(1), Buffer.from(n as string, 'base64url')]);
  const digest = { 'ssh-rsa': 'sha1', 'rsa-sha2-256': 'sha256', 'rsa-sha2-512': 'sha512' }[algorithm];
  return {
    algorithm,
    blob: payload('ssh-rsa', Buffer.from(e as string, 'base64url'), modulus),
    sign: (message) => payload(algorithm, createSign(digest).update(message).sign(privateKey)),
  };
}

/** What a FIDO token does, PROTOCOL.u2f; `flags` 1 is that somebody touched it. */
export function tokenKey(type: 'ed25519' | 'ecdsa', flags = 1): RawKey {
  const algorithm = type === 'ed25519' ? 'sk-ssh-ed25519@openssh.com' : 'sk-ecdsa-sha2-nistp256@openssh.com';
  const application = 'ssh:';
  const counter = randomBytes(4);
  const { publicKey, privateKey } =
    type === 'ed25519' ? generateKeyPairSync('ed25519') : generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const curve = type === 'ed25519' ? [] : ['nistp256'];
  return {
    algorithm,
    blob: payload(algorithm, ...curve, pointOf(publicKey), application),
    sign: (message) => {
      const digest = (data: string | Buffer): Buffer => createHash('sha256').update(data).digest();
      const signed = Buffer.concat([digest(application), Buffer.from([flags]), counter, digest(message)]);
      const inner =
        type === 'ed25519'
          ? sign(null, signed, privateKey)
          : pairOf(sign('sha256', signed, rawPair(privateKey)));
      return Buffer.concat([payload(algorithm, inner, flags), counter]);
    },
  };
}

const rawPair = (key: KeyObject) => ({ key, dsaEncoding: 'ieee-p1363' as const });

/** r and s as mpints. */
function pairOf(raw: Buffer): Buffer {
  const halves = [raw.subarray(0, 32), raw.subarray(32)];
  return payload(
    ...halves.map((half) => Buffer.concat([Buffer.alloc((half[0] as number) >= 0x80 ? 1 : 0), half])),
  );
}

function pointOf(key: KeyObject): Buffer {
  const { x, y } = key.export({ format: 'jwk' });
  const left = Buffer.from(x as string, 'base64url');
  return y === undefined ? left : Buffer.concat([Buffer.from([4]), left, Buffer.from(y, 'base64url')]);
}

/** A `string` of RFC 4251, section 5. */
function wireString(value: string | Buffer): Buffer {
  const bytes = typeof value === 'string' ? Buffer.from(value) : value;
  const length = Buffer.alloc(4);
  length.writeUInt32BE(bytes.length);
  return Buffer.concat([length, bytes]);
}
