/** Macaroons: PyPI's in the binary version 2 of libmacaroons, Fly's in MessagePack. */
import type { Check } from './check.ts';

const locationType = 1;
const identifierType = 2;
const signatureType = 6;
const signatureBytes = 32;

interface Field {
  readonly type: number;
  readonly data: Buffer;
}

// Lengths above 16383 are no token's.
function readVarint(bytes: Buffer, at: number): [value: number, next: number] {
  const low = bytes[at] ?? 0;
  return low < 128 ? [low, at + 1] : [(low & 127) | ((bytes[at + 1] ?? 0) << 7), at + 2];
}

/** The fields of a version 2 macaroon, its ends of sections as type 0; undefined when it is cut or is none. */
function readFields(bytes: Buffer): readonly Field[] | undefined {
  const fields: Field[] = [];
  if (bytes[0] !== 2) return undefined;
  for (let at = 1; at < bytes.length; ) {
    const type = bytes[at] as number;
    const [length, start] = type === 0 ? [0, at + 1] : readVarint(bytes, at + 1);
    if (start + length > bytes.length) return undefined;
    fields.push({ type, data: bytes.subarray(start, start + length) });
    at = start + length;
  }
  return fields;
}

const prefixOf = (value: string): string => value.slice(0, value.indexOf('-') + 1);

export const pypiMacaroon: Check = {
  check(value) {
    const fields = readFields(Buffer.from(value.slice(prefixOf(value).length), 'base64url'));
    const [location, identifier] = fields ?? [];
    const signature = fields?.at(-1);
    const whole =
      location?.type === locationType &&
      /^(?:test\.)?pypi\.org$/.test(location.data.toString('latin1')) &&
      identifier?.type === identifierType &&
      signature?.type === signatureType &&
      signature.data.length === signatureBytes;
    return whole ? 'valid' : 'invalid';
  },
  complete(value) {
    const body = Buffer.from(value.slice(prefixOf(value).length), 'base64url');
    const location = body.subarray(3, 3 + (body[2] as number));
    const field = (type: number, data: Uint8Array): Buffer =>
      Buffer.concat([Buffer.from([type, data.length]), data]);
    const end = Buffer.from([0]);
    const random = body.subarray(location.length + 3);
    const macaroon = [
      Buffer.from([2]),
      field(locationType, location),
      field(identifierType, Buffer.from(random.toString('hex').slice(0, 36))),
      end,
      field(identifierType, Buffer.from('{"version": 1}')),
      end,
      end,
      field(signatureType, random.subarray(0, signatureBytes)),
    ];
    return prefixOf(value) + Buffer.concat(macaroon).toString('base64url');
  },
};

const fourElements = 0x94;

/** A MessagePack array of nonce, location, caveats and tail. */
export const flyMacaroon: Check = {
  check(value) {
    const body = Buffer.from(value.slice(value.lastIndexOf('_') + 1), 'base64');
    return body[0] === fourElements ? 'valid' : 'invalid';
  },
  complete: (value) => value.replace(/_../, '_lJ'),
};
