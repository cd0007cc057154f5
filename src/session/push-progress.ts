import type { HoldProgress } from '../inspect/quarantine.ts';

/** Between two lines of progress, in ms; nothing is shown of a pack that is done sooner. */
const everyMs = 1_000;

/**
 * Shows how far a pack is, one line written over and over, to a client that
 * waits. The clock starts with `start`, and the caller ends it with `end`.
 */
export class PushProgress {
  readonly #show: (text: string) => void;
  #timer: NodeJS.Timeout | undefined;
  #bytes = 0;
  #work: HoldProgress | undefined;
  #isShown = false;
  #isOver = false;

  /** @param show takes a line with its CR or LF. */
  constructor(show: (text: string) => void) {
    this.#show = show;
  }

  start(): void {
    if (this.#isOver) return;
    this.#timer ??= setInterval(() => this.#bytes > 0 && this.#tell(), everyMs).unref();
  }

  /** The pack as it passes; `onEnd` is called when its source has ended. */
  async *count(pack: AsyncIterable<Buffer>, onEnd: () => void): AsyncGenerator<Buffer> {
    for await (const chunk of pack) {
      this.#bytes += chunk.length;
      yield chunk;
    }
    onEnd();
  }

  take(work: HoldProgress): void {
    this.#work = work;
  }

  /** Leaves a whole line behind, if any was shown. May be called again. */
  end(how: 'done' | 'stopped'): void {
    clearInterval(this.#timer);
    if (this.#isShown) this.#say(tellEnd(this.#bytes, this.#work), `, ${how}.\n`);
    this.#isShown = false;
    this.#isOver = true;
  }

  #tell(): void {
    this.#isShown = true;
    this.#say(tellWork(this.#bytes, this.#work), '\r');
  }

  #say(text: string, ending: string): void {
    this.#show(`Refgate: ${text}${ending}`);
  }
}

function tellWork(bytes: number, work: HoldProgress | undefined): string {
  if (work === undefined || work.total === 0) return `receiving the pack, ${sizeOf(bytes)}`;
  const { objects, total, deltas } = work;
  if (deltas > 0) return `checking ${total} objects, ${deltas} deltas resolved`;
  const percent = String(Math.floor((100 * objects) / total)).padStart(3);
  return `receiving objects: ${percent}% (${objects}/${total}), ${sizeOf(bytes)}`;
}

function tellEnd(bytes: number, work: HoldProgress | undefined): string {
  return `received ${work === undefined ? '' : `${work.objects} objects, `}${sizeOf(bytes)}`;
}

const sizeOf = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(2)} MiB`;
