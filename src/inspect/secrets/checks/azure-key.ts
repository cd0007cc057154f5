/**
 * Azure's identifiable keys: base64 of random bytes, with a signature of four
 * characters before the checksum, which is the last four bytes: Marvin32 of all
 * before it, little-endian, under a seed of eight letters that tells what the
 * key is for (microsoft/security-utilities, IdentifiableMetadata).
 */
import type { Check } from './check.ts';
import { marvin32 } from './marvin32.ts';

const messaging = ['Send0000', 'Listen00', 'Manage00', 'System00', 'Unknown0'];

const seedNames: Readonly<Record<string, readonly string[]>> = {
  '+ASt': ['Default0'],
  ACDb: ['MastRW00', 'MastRO00', 'SystRW00', 'SystRO00', 'SysAll00', 'Resour00', 'Encryp00'],
  '+ABa': ['AbAcct00'],
  '+AMC': ['Classic0'],
  APIM: ['Tenant00', 'IoTHub00', 'Gateway0', 'GitKey00'],
  AzSe: ['PAdmin00', 'Query000'],
  AzCa: ['Access00'],
  AzFu: ['Functi00', 'Master00', 'System00'],
  '+ASb': messaging,
  '+AEh': messaging,
  '+ARm': messaging,
  AIoT: ['IoTHub00', 'DpsKey00', 'Device00'],
  '+ACR': ['ACRDflt0'],
};

const checksumBytes = 4;

/** Eight ASCII letters as a number, the first the most significant. */
export const seedOf = (name: string): bigint => Buffer.from(name, 'latin1').readBigUInt64BE();

// The signature ends where the checksum's first whole character begins.
function seedsOf(value: string, bytes: Buffer): readonly bigint[] | undefined {
  const end = Math.floor(((bytes.length - checksumBytes) * 8) / 6);
  const signature = value.slice(end - 4, end);
  return seedNames[signature]?.map(seedOf);
}

const sum = (bytes: Buffer, seed: bigint): number => marvin32(bytes.subarray(0, -checksumBytes), seed);

export const azureKey: Check = {
  check(value) {
    const bytes = Buffer.from(value, 'base64');
    const seeds = seedsOf(value, bytes);
    if (seeds === undefined) return 'unknown';
    const stated = bytes.readUInt32LE(bytes.length - checksumBytes);
    return seeds.some((seed) => sum(bytes, seed) === stated) ? 'valid' : 'invalid';
  },
  complete(value, random) {
    const bytes = Buffer.from(value, 'base64');
    const seeds = seedsOf(value, bytes) ?? [];
    const seed = seeds[Math.floor(random() * seeds.length)] ?? 0n;
    bytes.writeUInt32LE(sum(bytes, seed), bytes.length - checksumBytes);
    // Keys of Functions go into addresses.
    const completed = bytes.toString('base64');
    return value.includes('AzFu') ? completed.replaceAll('+', '-').replaceAll('/', '_') : completed;
  },
};
