/** How far git looks for a NUL before it calls content binary, in bytes. */
const sniffedBytes = 8000;

/** Content as text: UTF-8, or UTF-16 that begins with its mark. Undefined when it is binary, as git has it. Bytes that are not UTF-8 become U+FFFD. */
export function decodeText(content: Buffer): string | undefined {
  const [first, second] = content;
  if (first === 0xff && second === 0xfe) return content.toString('utf16le', 2);
  if (first === 0xfe && second === 0xff) {
    const even = Buffer.from(content.subarray(2, content.length - (content.length % 2)));
    return even.swap16().toString('utf16le');
  }
  return content.subarray(0, sniffedBytes).includes(0) ? undefined : content.toString('utf8');
}

/** A text as lines without their line feeds. */
export interface Lines {
  readonly lines: readonly string[];
  /** Whether the last line ends in a line feed; true of no lines. */
  readonly isEnded: boolean;
}

/** Lines as git counts them. */
export function splitLines(text: string): Lines {
  if (text === '') return { lines: [], isEnded: true };
  const lines = text.split('\n');
  const isEnded = lines.at(-1) === '';
  if (isEnded) lines.pop();
  return { lines, isEnded };
}
