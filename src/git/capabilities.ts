/** Capability lists, gitprotocol-capabilities(5): words separated by one space, each `name` or `name=value`. */
import { type Peer, protocolError, quoted } from './protocol-error.ts';

// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
const control = /[\u0000-\u001f\u007f]/;

/** What one side of a connection said it can do. A name may come more than once, such as `symref`. */
export class Capabilities {
  readonly #values = new Map<string, string[]>();

  /**
   * Reads a list; spaces at its ends and between words do not matter. Throws
   * PROTOCOL_ERROR or UPSTREAM_PROTOCOL on control characters.
   */
  static parse(list: string, peer: Peer): Capabilities {
    if (control.test(list)) throw protocolError(peer, `control characters in capabilities ${quoted(list)}`);
    const capabilities = new Capabilities();
    for (const word of list.split(' ')) if (word !== '') capabilities.#add(word);
    return capabilities;
  }

  has(name: string): boolean {
    return this.#values.has(name);
  }

  /** The first value; `''` for a bare name, undefined when the name is not there. */
  get(name: string): string | undefined {
    return this.#values.get(name)?.[0];
  }

  /** Every value, in order. */
  all(name: string): readonly string[] {
    return this.#values.get(name) ?? [];
  }

  names(): readonly string[] {
    return [...this.#values.keys()];
  }

  #add(word: string): void {
    const equals = word.indexOf('=');
    const name = equals < 0 ? word : word.slice(0, equals);
    const value = equals < 0 ? '' : word.slice(equals + 1);
    const values = this.#values.get(name);
    if (values === undefined) this.#values.set(name, [value]);
    else values.push(value);
  }
}
