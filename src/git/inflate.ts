import { constants, createInflate, deflateSync, type Inflate, type InflateRaw, inflateSync } from 'node:zlib';
import { RefgateError } from '../domain/error.ts';

/**
 * Inflating the objects of a pack. A pack does not say where the zlib data of
 * an object ends, so the inflater itself must tell: it is given bytes and says
 * how many were its own. Node's streams cannot do that object by object at a
 * useful speed, its inner handle can. The handle is not public, so this module
 * alone touches it, tests it once at start, and falls back on `inflateSync`.
 */

/** One zlib stream after another, in pieces: after `run`, what is left of input and of room in the output. */
interface ZlibEngine {
  availIn: number;
  availOut: number;
  run(input: Buffer, from: number, length: number, out: Buffer, outFrom: number, outLength: number): void;
  reset(): void;
  close(): void;
}

type WriteSync = (
  flush: number,
  input: Uint8Array,
  from: number,
  length: number,
  out: Uint8Array,
  outFrom: number,
  outLength: number,
) => void;

/** What node's lib/zlib.js sees of its C++ handle, as of Node 20 to 24. */
interface ZlibHandle {
  writeSync: WriteSync;
  reset(): void;
  onerror: (message: string, errno: number, code: string) => void;
}

/** Give it a stream of `createInflate` or `createInflateRaw` that nobody else uses. Only where `bestEngine` says `handle`. */
export class HandleEngine implements ZlibEngine {
  availIn = 0;
  availOut = 0;
  readonly #stream: Inflate | InflateRaw;
  readonly #handle: ZlibHandle;
  readonly #state: Uint32Array;
  #error: string | undefined;

  constructor(stream: Inflate | InflateRaw = createInflate()) {
    this.#stream = stream;
    const inner = this.#stream as unknown as { _handle: ZlibHandle; _writeState: Uint32Array };
    this.#handle = inner._handle;
    this.#state = inner._writeState;
    this.#handle.onerror = (message, _errno, code) => {
      this.#error = `${code} ${message}`;
    };
  }

  run(input: Buffer, from: number, length: number, out: Buffer, outFrom: number, outLength: number): void {
    this.#handle.writeSync(constants.Z_NO_FLUSH, input, from, length, out, outFrom, outLength);
    if (this.#error !== undefined) throw new RefgateError('PACK_ZLIB', 'client', this.#error);
    this.availOut = this.#state[0] as number;
    this.availIn = this.#state[1] as number;
  }

  reset(): void {
    this.#error = undefined;
    this.#handle.reset();
  }

  close(): void {
    this.#stream.close();
  }
}

/** `inflateSync` starts anew with every piece, so its cost is quadratic in the size of an object: a bound on that. */
const maxCompressedBytes = 32 * 1024 * 1024;

class SyncEngine implements ZlibEngine {
  availIn = 0;
  availOut = 0;
  readonly #maxBytes: number;
  #input: Buffer = Buffer.alloc(0);
  #output: Buffer | undefined;
  #given = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  run(input: Buffer, from: number, length: number, out: Buffer, outFrom: number, outLength: number): void {
    this.availIn = length;
    this.availOut = outLength;
    if (this.#output === undefined) {
      const before = this.#input.length;
      this.#input = Buffer.concat([this.#input, input.subarray(from, from + length)]);
      const done = this.#inflate();
      this.availIn = done === undefined ? 0 : before + length - done.consumed;
      if (done === undefined) return;
      this.#output = done.output;
    }
    const count = this.#output.copy(out, outFrom, this.#given, this.#given + outLength);
    this.#given += count;
    this.availOut = outLength - count;
  }

  #inflate(): { output: Buffer; consumed: number } | undefined {
    if (this.#input.length > maxCompressedBytes) {
      throw new RefgateError('PACK_OBJECT_TOO_LARGE', 'client', 'more than the slow inflater takes');
    }
    try {
      const options = { info: true, maxOutputLength: this.#maxBytes };
      const result = inflateSync(this.#input, options) as unknown as {
        buffer: Buffer;
        engine: { bytesWritten: number };
      };
      return { output: result.buffer, consumed: result.engine.bytesWritten };
    } catch (cause) {
      const code = (cause as { code?: string }).code;
      if (code === 'Z_BUF_ERROR') return undefined;
      if (code === 'ERR_BUFFER_TOO_LARGE') {
        throw new RefgateError('PACK_OBJECT_SIZE', 'client', 'inflates to more than the limit', { cause });
      }
      throw new RefgateError('PACK_ZLIB', 'client', (cause as Error).message, { cause });
    }
  }

  reset(): void {
    this.#input = Buffer.alloc(0);
    this.#output = undefined;
    this.#given = 0;
  }

  close(): void {}
}

/** Inflates one object after another, each in pieces of any size. One inflater serves one pack at a time. */
export class Inflater {
  readonly #engine: ZlibEngine;
  readonly #window = Buffer.allocUnsafeSlow(64 * 1024);
  #out: Buffer = this.#window;
  #at = 0;
  #end = 0;
  #left = 0;
  #sink: ((piece: Buffer) => void) | undefined;

  /** @param engine `sync` is the fallback, which is slower and takes 32 MiB of compressed bytes at most. */
  constructor(engine: 'handle' | 'sync' = bestEngine(), maxBytes = 512 * 1024 * 1024) {
    this.#engine = engine === 'handle' ? new HandleEngine() : new SyncEngine(maxBytes + 1);
  }

  /** Starts on an object of `size` bytes, written to `out` from `from` on; `out` must have room for one byte more. */
  startWhole(size: number, out: Buffer, from: number): void {
    this.#start(size, undefined);
    this.#out = out;
    this.#at = from;
    this.#end = from + size + 1;
  }

  /** Starts on an object of `size` bytes, given to `sink` in pieces that are overwritten when it returns. */
  startPieces(size: number, sink: (piece: Buffer) => void): void {
    this.#start(size, sink);
    this.#out = this.#window;
    this.#at = 0;
    this.#end = Math.min(this.#window.length, size + 1);
  }

  #start(size: number, sink: ((piece: Buffer) => void) | undefined): void {
    this.#engine.reset();
    this.#left = size;
    this.#sink = sink;
  }

  /**
   * Takes input[from..to) and gives where the object's own bytes ended within
   * it when the object is complete, or -1 when all was taken and more is
   * needed. Throws PACK_ZLIB, or PACK_OBJECT_SIZE when the data do not inflate
   * to exactly the size that was announced.
   */
  write(input: Buffer, from: number, to: number): number {
    const engine = this.#engine;
    let at = from;
    for (;;) {
      const room = this.#end - this.#at;
      const given = to - at;
      engine.run(input, at, given, this.#out, this.#at, room);
      const made = room - engine.availOut;
      const used = given - engine.availIn;
      at += used;
      this.#at += made;
      this.#left -= made;
      if (this.#left < 0) throw new RefgateError('PACK_OBJECT_SIZE', 'client', 'inflates to more');
      // With room left and input left, or with input that it does not touch, zlib is at its end.
      if (engine.availOut > 0 && (engine.availIn > 0 || (given > 0 && used === 0 && made === 0))) {
        this.#finish();
        return at;
      }
      if (engine.availOut > 0) return -1;
      this.#drain();
    }
  }

  /** True when everything announced has come out. Only zlib's checksum may still be missing. */
  get full(): boolean {
    return this.#left === 0;
  }

  /** For data that are known to be complete: gives the last piece to the sink. */
  flush(): void {
    if (this.#sink !== undefined && this.#at > 0) this.#drain();
  }

  #finish(): void {
    if (this.#left > 0) throw new RefgateError('PACK_OBJECT_SIZE', 'client', 'inflates to less');
    this.flush();
  }

  #drain(): void {
    this.#sink?.(this.#out.subarray(0, this.#at));
    this.#at = 0;
    this.#end = Math.min(this.#window.length, this.#left + 1);
  }

  close(): void {
    this.#engine.close();
  }
}

let tested: 'handle' | 'sync' | undefined;

/** Which engine this Node can drive: `handle`, unless the self-test found that its private interface has changed. */
export function bestEngine(): 'handle' | 'sync' {
  tested ??= selfTest();
  return tested;
}

function selfTest(): 'handle' | 'sync' {
  try {
    const content = Buffer.from('what was deflated comes back '.repeat(40));
    const data = Buffer.concat([deflateSync(content), deflateSync(content), Buffer.from('rest')]);
    const inflater = new Inflater('handle');
    try {
      for (const step of [data.length, 7, 1]) if (!comesBack(inflater, data, content, step)) return 'sync';
      return refuses(inflater, content) ? 'handle' : 'sync';
    } finally {
      inflater.close();
    }
  } catch {
    return 'sync';
  }
}

function comesBack(inflater: Inflater, data: Buffer, content: Buffer, step: number): boolean {
  const out = Buffer.alloc(content.length + 1);
  let at = 0;
  for (let object = 0; object < 2; object++) {
    out.fill(0);
    inflater.startWhole(content.length, out, 0);
    let end = -1;
    while (end < 0 && at < data.length) {
      const to = Math.min(at + step, data.length);
      end = inflater.write(data, at, to);
      at = end < 0 ? to : end;
    }
    if (end < 0 || !out.subarray(0, content.length).equals(content)) return false;
  }
  return data.toString('latin1', at) === 'rest';
}

/** Damage must be seen, and must not stay after `reset`. */
function refuses(inflater: Inflater, content: Buffer): boolean {
  const damaged = Buffer.concat([deflateSync(content), Buffer.from('rest')]);
  damaged.writeUInt8(damaged.readUInt8(20) ^ 0xff, 20);
  let seen = false;
  try {
    inflater.startWhole(content.length, Buffer.alloc(content.length + 1), 0);
    inflater.write(damaged, 0, damaged.length);
  } catch {
    seen = true;
  }
  const whole = Buffer.concat([deflateSync(content), deflateSync(content), Buffer.from('rest')]);
  return seen && comesBack(inflater, whole, content, whole.length);
}
