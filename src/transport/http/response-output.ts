import type { ServerResponse } from 'node:http';
import { Writable } from 'node:stream';
import { RefgateError } from '../../domain/error.ts';
import type { ProtocolVersion, Service } from '../../domain/git.ts';
import { noCache } from './refuse.ts';

/** What an answer of the Git service is called, gitprotocol-http(5). */
export function contentType(service: Service, mode: 'advertise' | 'rpc'): string {
  return `application/x-git-${service}-${mode === 'advertise' ? 'advertisement' : 'result'}`;
}

/**
 * The pkt-lines before an advertisement. git http-backend leaves them out in
 * protocol v2, whose advertisement starts with `version 2`.
 */
export function serviceLine(service: Service, version: ProtocolVersion): string {
  if (version === 2) return '';
  const line = `# service=git-${service}\n`;
  return `${(line.length + 4).toString(16).padStart(4, '0')}${line}0000`;
}

/**
 * The response body. Status, headers and `prefix` leave together with the
 * first byte, so that whatever fails before it can still be another status.
 * Writes wait until the socket has taken them; after the client has gone they
 * fail with HUNG_UP.
 */
export class ResponseOutput extends Writable {
  /** Since when the client does not take its bytes; undefined while it does. Milliseconds of performance.now(). */
  waitingSince: number | undefined;
  readonly #response: ServerResponse;
  readonly #type: string;
  readonly #prefix: string;

  constructor(response: ServerResponse, type: string, prefix: string) {
    super({ highWaterMark: 64 * 1024 });
    this.#response = response;
    this.#type = type;
    this.#prefix = prefix;
    this.on('error', () => {});
  }

  /** Whether a status has left, so that a refusal is no longer possible. */
  get begun(): boolean {
    return this.#response.headersSent;
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, callback: (error?: Error) => void): void {
    this._writev([{ chunk }], callback);
  }

  override _writev(chunks: { chunk: Buffer }[], callback: (error?: Error) => void): void {
    const response = this.#response;
    if (response.destroyed) {
      callback(new RefgateError('HUNG_UP', 'client'));
      return;
    }
    this.#begin();
    const flowing = response.write(
      chunks.length === 1 ? chunks[0]?.chunk : Buffer.concat(chunks.map((c) => c.chunk)),
    );
    if (flowing) {
      callback();
      return;
    }
    this.waitingSince = performance.now();
    const settle = () => {
      response.off('drain', settle).off('close', settle);
      this.waitingSince = undefined;
      if (response.destroyed) callback(new RefgateError('HUNG_UP', 'client'));
      else callback();
    };
    response.on('drain', settle).on('close', settle);
  }

  /** Sends what is still missing of an answer without content. The response itself is ended by the door. */
  override _final(callback: (error?: Error) => void): void {
    this.#begin();
    callback();
  }

  #begin(): void {
    if (this.#response.headersSent || this.#response.destroyed) return;
    this.#response.writeHead(200, { ...noCache, 'Content-Type': this.#type });
    if (this.#prefix !== '') this.#response.write(this.#prefix);
  }
}
