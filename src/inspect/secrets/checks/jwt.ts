/** JSON Web Tokens, RFC 7519: two JSON objects and a signature whose length fits the algorithm. */
import type { CheckResult } from '../rule.ts';
import type { Check } from './check.ts';
import { decodeObject } from './json-token.ts';

/** Bytes of a signature; absent where the key decides, which is RSA at 256 bytes and more. */
const signatureBytes: Readonly<Record<string, number>> = {
  HS256: 32,
  HS384: 48,
  HS512: 64,
  ES256: 64,
  ES256K: 64,
  ES384: 96,
  ES512: 132,
  EdDSA: 64,
};
const leastRsaBytes = 128;

interface Parsed {
  readonly header: Readonly<Record<string, unknown>>;
  readonly claims: Readonly<Record<string, unknown>>;
  readonly signature: Buffer;
}

function parse(value: string): Parsed | undefined {
  const [first = '', second = '', third = ''] = value.split('.');
  const header = decodeObject(first);
  const claims = decodeObject(second);
  if (header === undefined || claims === undefined) return undefined;
  return { header, claims, signature: Buffer.from(third, 'base64url') };
}

function signatureFits({ header, signature }: Parsed): boolean {
  const alg = String(header['alg']);
  const bytes = signatureBytes[alg];
  if (bytes !== undefined) return signature.length === bytes;
  return !/^[RP]S\d{3}$/.test(alg) || signature.length >= leastRsaBytes;
}

// A token that nobody accepts any more, or that needs no key, is told of and does not block.
function judge(parsed: Parsed): CheckResult {
  const { header, claims } = parsed;
  if (claims['sub'] === '1234567890' && claims['name'] === 'John Doe') return 'placeholder';
  if (!['alg', 'typ', 'kid', 'enc'].some((key) => key in header)) return 'invalid';
  if (String(header['alg']).toLowerCase() === 'none' || !signatureFits(parsed)) return 'invalid';
  const expiry = claims['exp'];
  return typeof expiry === 'number' && expiry * 1000 < Date.now() ? 'invalid' : 'valid';
}

const isSupabase = ({ claims }: Parsed): boolean => claims['iss'] === 'supabase' && 'role' in claims;

const complete =
  (claims: (random: string) => object) =>
  (value: string): string => {
    const part = (object: object): string => Buffer.from(JSON.stringify(object)).toString('base64url');
    const signature = Buffer.alloc(32);
    signature.write(value.slice(-80), 'base64url');
    for (let i = 0; i < 32; i++) signature[i] = (signature[i] as number) ^ value.charCodeAt(i + 3);
    return `${part({ alg: 'HS256', typ: 'JWT' })}.${part(claims(value.slice(4, 14)))}.${signature.toString('base64url')}`;
  };

/** Supabase's keys are left to their own rule. */
export const jwt: Check = {
  check(value) {
    const parsed = parse(value);
    if (parsed === undefined) return 'invalid';
    return isSupabase(parsed) ? 'placeholder' : judge(parsed);
  },
  complete: complete((random) => ({ sub: random, iat: 1767225600 })),
};

/** `service_role` is a secret; `anon` is public by design. Another token is not a key of Supabase. */
export const supabaseJwt: Check = {
  check(value) {
    const parsed = parse(value);
    if (parsed === undefined || !isSupabase(parsed)) return 'placeholder';
    return parsed.claims['role'] === 'service_role' ? judge(parsed) : 'invalid';
  },
  complete: complete((random) => ({ iss: 'supabase', ref: random, role: 'service_role', iat: 1767225600 })),
};
