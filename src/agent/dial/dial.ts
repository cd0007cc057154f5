import type { Duplex, Readable, Writable } from 'node:stream';
import type { RefgateError } from '../../domain/error.ts';

/** One way to reach one upstream. Paths are canonical, without leading slash and `.git`. */
export interface Dial {
  /** Opens upload-pack in protocol v2, far enough to know that the upstream answers. */
  uploadPack(path: string, options: DialOptions & { advertised: boolean }): Promise<UploadPack>;
  /** Opens receive-pack, and reads the first bytes of its advertisement, or takes one that was read a moment ago. */
  receivePack(path: string, options: DialOptions & { mayBeRecent?: boolean }): Promise<ReceivePack>;
  /** What `refgate upstream check` leaves out: what this way of dialling does not have. */
  readonly without: readonly ('host-key' | 'credential')[];
  /** Closes pooled connections; what is under way is broken off. */
  close(): void;
}

export interface DialOptions {
  /** Aborted when the gateway goes away. */
  readonly signal: AbortSignal;
}

/** Milliseconds. */
export interface DialTimeouts {
  readonly connect: number;
  /** From the request to the first byte of the answer. */
  readonly firstByte: number;
  /** How long a pooled connection is kept without use. */
  readonly idle: number;
}

export const defaultDialTimeouts: DialTimeouts = { connect: 15_000, firstByte: 60_000, idle: 300_000 };

export interface UploadPack {
  /** Whether the capability advertisement comes first. */
  readonly advertised: boolean;
  /**
   * Carries bytes between the gateway and the upstream until either ends.
   * `tell` is called at most once, between two pkt-lines, with a fault that the
   * gateway should hear of.
   */
  converse(gateway: Duplex, tell: (fault: RefgateError) => void): Promise<void>;
  abort(): void;
}

export interface ReceivePack {
  /** Raw pkt-lines, through the closing flush-pkt, cut at any place. */
  readonly advertisement: AsyncIterable<Buffer>;
  /** After the advertisement: where commands and pack go, and where the report comes from. */
  push(): Promise<PushStream>;
  /** Leaves in peace after the advertisement, without a push. */
  leave(): void;
  abort(): void;
}

export interface PushStream {
  readonly input: Writable;
  /** Errors as a RefgateError when the upstream refuses before it takes anything. */
  readonly output: Readable;
  /** What the upstream said beside the protocol, cleaned and bounded; empty when nothing. */
  complaint(): string;
}
