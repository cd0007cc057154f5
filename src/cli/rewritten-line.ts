import type { Output } from './output.ts';
import { visibleText } from './visible-text.ts';

/** One line on stderr that is written over again, on a terminal only. */
export class RewrittenLine {
  readonly #output: Output;
  readonly #isShown: boolean;
  #isDirty = false;

  constructor(output: Output, isShown: boolean) {
    this.#output = output;
    this.#isShown = isShown;
  }

  show(text: string): void {
    if (!this.#isShown) return;
    this.#isDirty = true;
    this.#output.err(`\r\x1b[K${visibleText(text)}`);
  }

  clear(): void {
    if (!this.#isDirty) return;
    this.#isDirty = false;
    this.#output.err('\r\x1b[K');
  }
}
