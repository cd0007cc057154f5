/** The SSH door: TCP connections become authenticated Git channels. */
import { createServer, type Server as NetServer, type Socket } from 'node:net';
import ssh2, { type Connection } from 'ssh2';
import { RefgateError } from '../../domain/error.ts';
import type { Authenticator } from '../../domain/identity.ts';
import type { Log } from '../../domain/log.ts';
import type { ChannelResult, GitChannel } from '../../domain/session.ts';
import { Admission, type Failure, type Place } from './admission.ts';
import { ciphers, kexAlgorithms, macs } from './algorithms.ts';
import { SshConnection } from './connection.ts';
import { loadHostKey } from './host-key.ts';
import { assertNativeCrypto, prepareHandshake, socketOf } from './library.ts';
import { defaultSshLimits, type SshLimits } from './limits.ts';

/** What the door is given. */
export interface SshDoorOptions {
  readonly listen: { readonly host: string; readonly port: number };
  /** Made on the first start. */
  readonly hostKeyFile: string;
  readonly authenticator: Authenticator;
  readonly log: Log;
  /** What is left out is as in `defaultSshLimits`. */
  readonly limits?: Partial<SshLimits>;
  serve(channel: GitChannel): Promise<ChannelResult>;
}

/** A door that is open. */
export interface SshDoor {
  readonly host: string;
  /** The real port, when 0 was asked for. */
  readonly port: number;
  /** `SHA256:...`, as ssh shows it on first contact. */
  readonly hostKeyFingerprint: string;
  /** `ssh-ed25519 AAAA...`, for known_hosts. */
  readonly hostKey: string;
  /** Takes nothing new, lets running sessions end for `graceMs`, then ends them with SHUTTING_DOWN. */
  close(graceMs: number): Promise<void>;
}

/**
 * Opens the door. Throws CONFIG_INVALID when the host key, the limits or the
 * address cannot be used, or ssh2's compiled part is missing.
 */
export async function startSshDoor(options: SshDoorOptions): Promise<SshDoor> {
  assertNativeCrypto();
  const hostKey = await loadHostKey(options.hostKeyFile);
  const door = new Door(options, hostKey.privateKey);
  const address = await door.listen();
  return {
    ...address,
    hostKeyFingerprint: hostKey.fingerprint,
    hostKey: hostKey.publicLine,
    close: (graceMs) => door.close(graceMs),
  };
}

/** A TCP connection, from the moment it was let in. */
interface Caller {
  readonly address: string;
  readonly place: Place;
  readonly grace: NodeJS.Timeout;
  failure: Failure | undefined;
  connection?: SshConnection;
}

class Door {
  readonly #options: SshDoorOptions;
  readonly #limits: SshLimits;
  readonly #admission: Admission;
  readonly #library: ssh2.Server;
  readonly #listener: NetServer;
  readonly #callers = new Map<Socket, Caller>();

  constructor(options: SshDoorOptions, hostKey: string) {
    this.#options = options;
    this.#limits = { ...defaultSshLimits, ...options.limits };
    this.#admission = new Admission(this.#limits);
    this.#library = new ssh2.Server(
      {
        hostKeys: [hostKey],
        ident: 'Refgate',
        keepaliveInterval: this.#limits.keepaliveMs,
        keepaliveCountMax: 4,
        algorithms: {
          kex: [...kexAlgorithms],
          serverHostKey: ['ssh-ed25519'],
          cipher: [...ciphers],
          hmac: [...macs],
          compress: ['none'],
        },
      },
      (connection) => this.#greet(connection),
    );
    // ssh2's own listener never listens: whoever is not admitted must not cost it anything
    this.#listener = createServer({ noDelay: true, keepAlive: true }, (socket) => this.#admit(socket));
  }

  listen(): Promise<{ host: string; port: number }> {
    const { host, port } = this.#options.listen;
    return new Promise((resolve, reject) => {
      this.#listener.once('error', (cause: NodeJS.ErrnoException) => {
        const detail = `cannot listen for SSH on ${host}:${port} (${cause.code}); change listen.ssh, or stop what uses it`;
        reject(new RefgateError('CONFIG_INVALID', 'operator', detail, { cause }));
      });
      this.#listener.listen(port, host, () => {
        const address = this.#listener.address();
        if (address !== null && typeof address === 'object') resolve({ host, port: address.port });
        this.#listener.on('error', (err) => this.#options.log.error({ err }, 'ssh listener failed'));
      });
    });
  }

  async close(graceMs: number): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#listener.close(() => resolve()));
    for (const [socket, { connection }] of this.#callers) {
      if (connection === undefined) socket.destroy();
      else connection.drain();
    }
    const error = new RefgateError('SHUTTING_DOWN', 'refgate');
    const timer = setTimeout(() => {
      for (const { connection } of this.#callers.values()) connection?.cut(error);
    }, graceMs);
    await closed.finally(() => clearTimeout(timer));
  }

  #admit(socket: Socket): void {
    const address = socket.remoteAddress;
    if (address === undefined) return void socket.destroy();
    const admitted = this.#admission.admit(address);
    if ('refused' in admitted) {
      this.#options.log.debug({ address, reason: admitted.refused }, 'ssh connection dropped');
      return void socket.destroy();
    }
    const caller: Caller = {
      address,
      place: admitted.place,
      failure: 'noAuth',
      grace: setTimeout(() => {
        caller.failure = 'graceExceeded';
        socket.destroy();
      }, this.#limits.loginGraceMs),
    };
    this.#callers.set(socket, caller);
    socket.once('close', () => {
      clearTimeout(caller.grace);
      this.#callers.delete(socket);
      caller.place.release(caller.failure);
    });
    this.#library.injectSocket(socket);
  }

  /** The client has said its first line. */
  #greet(connection: Connection): void {
    const socket = socketOf(connection);
    const caller = this.#callers.get(socket);
    if (caller === undefined) return void socket.destroy();
    const { authenticator, log, serve } = this.#options;
    caller.connection = new SshConnection(connection, {
      address: caller.address.replace(/^::ffff:(?=\d+\.)/i, ''),
      authenticator,
      limits: this.#limits,
      log,
      serve,
      loggedIn: () => {
        clearTimeout(caller.grace);
        caller.failure = undefined;
        caller.place.loggedIn();
      },
      loginRefused: () => {
        caller.failure = 'authFailed';
      },
    });
    prepareHandshake(connection);
  }
}
