/**
 * Commits and tags as text: header lines, of which those that begin with a space go on with the one before, an empty
 * line, the message. In latin1, so that every byte comes back.
 */
export interface ObjectText {
  readonly headers: readonly Header[];
  /** Undefined where there is not even the empty line. */
  readonly message: string | undefined;
}

export interface Header {
  readonly name: string;
  /** Of several lines as they stand there: each but the first begins with a space. */
  readonly value: string;
}

export function parseObjectText(content: Buffer): ObjectText {
  const text = content.toString('latin1');
  const end = text.indexOf('\n\n');
  const head = end < 0 ? text.replace(/\n$/, '') : text.slice(0, end);
  const headers = head.split(/\n(?! )/).map((line): Header => {
    const space = line.indexOf(' ');
    return space < 0
      ? { name: line, value: '' }
      : { name: line.slice(0, space), value: line.slice(space + 1) };
  });
  return { headers, message: end < 0 ? undefined : text.slice(end + 2) };
}

export function formatObjectText({ headers, message }: ObjectText): Buffer {
  const head = headers.map(({ name, value }) => `${name} ${value}\n`).join('');
  return Buffer.from(message === undefined ? head : `${head}\n${message}`, 'latin1');
}

/** The header's value; undefined where it is not there. */
export const headerOf = ({ headers }: ObjectText, name: string): string | undefined =>
  headers.find((header) => header.name === name)?.value;

export const valuesOf = ({ headers }: ObjectText, name: string): readonly string[] =>
  headers.filter((header) => header.name === name).map(({ value }) => value);

const oidPattern = {
  sha1: /(?<![0-9a-fA-F])[0-9a-fA-F]{40}(?![0-9a-fA-F])/g,
  sha256: /(?<![0-9a-fA-F])[0-9a-fA-F]{64}(?![0-9a-fA-F])/g,
} as const;

/** The text with other oids in the place of whole ones, which may be in upper case; what gives undefined stays. */
export function mapOids(
  text: string,
  format: keyof typeof oidPattern,
  map: (oid: string) => string | undefined,
): string {
  return text.replace(oidPattern[format], (oid) => map(oid) ?? oid);
}
