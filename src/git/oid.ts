import type { ObjectFormat, Oid } from '../domain/git.ts';

const shapes: Readonly<Record<ObjectFormat, RegExp>> = {
  sha1: /^[0-9a-f]{40}$/,
  sha256: /^[0-9a-f]{64}$/,
};

const zeroOids: Readonly<Record<ObjectFormat, Oid>> = { sha1: '0'.repeat(40), sha256: '0'.repeat(64) };

/** Whether the text is an oid of this format, in lower-case hex. */
export function isOid(text: string, format: ObjectFormat): boolean {
  return shapes[format].test(text);
}

/** The oid that stands for "does not exist". */
export function zeroOid(format: ObjectFormat): Oid {
  return zeroOids[format];
}

/** Whether the oid stands for "does not exist", in either format. */
export function isZeroOid(oid: Oid): boolean {
  return oid === zeroOids.sha1 || oid === zeroOids.sha256;
}

/** The format that an `object-format=` capability names; a capability that is not there means sha1. */
export function parseObjectFormat(value: string | undefined): ObjectFormat | undefined {
  if (value === undefined || value === 'sha1') return 'sha1';
  return value === 'sha256' ? 'sha256' : undefined;
}
