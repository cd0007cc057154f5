/**
 * Every place where we reach into ssh2 beyond its public face, and why. ssh2
 * is pinned to an exact version; the scenario tests fail if one of these moves.
 */
import { createRequire } from 'node:module';
import type { Socket } from 'node:net';
import type { Connection, Session } from 'ssh2';
import { RefgateError } from '../../domain/error.ts';
import { userSignatureAlgorithms } from './algorithms.ts';

interface Protocol {
  readonly _kexinit: unknown;
  readonly _kex: { remoteExtInfoEnabled: boolean };
  readonly _packetRW: {
    write: { allocStart: number; alloc(size: number): Buffer; finalize(packet: Buffer): Buffer };
  };
  readonly _cipher: { encrypt(packet: Buffer): void };
  _onHandshakeComplete: (negotiated: unknown) => void;
  channelFailure(id: number): void;
  channelClose(id: number): void;
}

interface ConnectionParts {
  readonly _protocol: Protocol;
  readonly _sock: Socket;
  readonly _chanMgr: { remove(id: number): void };
}

interface ChannelEnds {
  readonly incoming: { readonly id: number; readonly window: number };
  readonly outgoing: { readonly id: number; packetSize: number | undefined };
}

const partsOf = (connection: Connection): ConnectionParts => connection as unknown as ConnectionParts;
const endsOf = (session: Session): ChannelEnds =>
  (session as unknown as { _chanInfo: ChannelEnds })._chanInfo;

/**
 * Makes sure that ssh2's compiled cipher code is there: without it ssh2 falls
 * back silently to code that is two to three times slower. Throws CONFIG_INVALID.
 */
export function assertNativeCrypto(): void {
  const load = createRequire(import.meta.url);
  const { bindingAvailable } = load('ssh2/lib/protocol/crypto.js') as { bindingAvailable?: boolean };
  if (bindingAvailable === true) return;
  throw new RefgateError(
    'CONFIG_INVALID',
    'operator',
    'the compiled part of ssh2 is missing; install a C++ compiler and python3, then run npm rebuild ssh2 ' +
      '(npm 11 needs ssh2 under allowScripts in package.json)',
  );
}

/**
 * To be called in the `connection` event, which comes before our KEXINIT.
 * Replaces ssh2's `server-sig-algs`, which lacks a comma and names SHA-1.
 */
export function prepareHandshake(connection: Connection): void {
  const protocol = partsOf(connection)._protocol;
  const complete = protocol._onHandshakeComplete;
  let isFirst = true;
  protocol._onHandshakeComplete = (negotiated) => {
    const wantsExtensions = protocol._kex.remoteExtInfoEnabled;
    protocol._kex.remoteExtInfoEnabled = false;
    // RFC 8308, 2.4: the packet right after the first NEWKEYS, or never
    if (isFirst && wantsExtensions) sendSignatureAlgorithms(protocol);
    isFirst = false;
    complete(negotiated);
  };
}

function sendSignatureAlgorithms(protocol: Protocol): void {
  const name = 'server-sig-algs';
  const value = userSignatureAlgorithms.join(',');
  const writer = protocol._packetRW.write;
  let at = writer.allocStart;
  const packet = writer.alloc(1 + 4 + 4 + name.length + 4 + value.length);
  packet[at] = 7; // SSH_MSG_EXT_INFO
  at = packet.writeUInt32BE(1, at + 1);
  at = packet.writeUInt32BE(name.length, at);
  at += packet.write(name, at, 'latin1');
  at = packet.writeUInt32BE(value.length, at);
  packet.write(value, at, 'latin1');
  protocol._cipher.encrypt(writer.finalize(packet));
}

/** The TCP socket under a connection, to end it when the peer does not. */
export function socketOf(connection: Connection): Socket {
  return partsOf(connection)._sock;
}

/** Whether a key exchange is under way: ssh2 then queues everything that is written, without a bound. */
export function isRekeying(connection: Connection): boolean {
  return partsOf(connection)._protocol._kexinit !== undefined;
}

/**
 * The largest packet the client takes, in bytes, brought down to `most`. A
 * client may say 0, on which ssh2 would loop for ever, or leave the number
 * out, which ssh2 does not notice; both give 0.
 */
export function limitPacketSize(session: Session, most: number): number {
  const { outgoing } = endsOf(session);
  outgoing.packetSize = Math.min(outgoing.packetSize ?? 0, most);
  return outgoing.packetSize;
}

/** Whether the client sent more than the window allows, which ssh2 does not check. */
export function overranWindow(session: Session): boolean {
  return endsOf(session).incoming.window < 0;
}

/** Says no to a request on a channel that already runs something; ssh2's own `reject` stays silent there. */
export function refuseRequest(connection: Connection, session: Session): void {
  partsOf(connection)._protocol.channelFailure(endsOf(session).outgoing.id);
}

/** Closes a session in which nothing was started; ssh2 neither answers its close nor forgets it. */
export function closeUnused(connection: Connection, session: Session): void {
  const ends = endsOf(session);
  partsOf(connection)._protocol.channelClose(ends.outgoing.id);
  partsOf(connection)._chanMgr.remove(ends.incoming.id);
}
