import type { Log } from '../../src/domain/log.ts';

/** A log that keeps what was said: `LEVEL phrase`. */
export class QuietLog implements Log {
  readonly lines: string[] = [];

  debug(_fields: object, phrase: string): void {
    this.lines.push(`debug ${phrase}`);
  }

  info(_fields: object, phrase: string): void {
    this.lines.push(`info ${phrase}`);
  }

  warn(_fields: object, phrase: string): void {
    this.lines.push(`warn ${phrase}`);
  }

  error(_fields: object, phrase: string): void {
    this.lines.push(`error ${phrase}`);
  }
}
