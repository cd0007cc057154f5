/** Tokens that carry a JSON object in base64: each is proven by the keys that its vendor puts in. */
import type { Check } from './check.ts';

/** The object that base64 or base64url text holds; undefined when it is none. */
export function decodeObject(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(Buffer.from(text, 'base64').toString('utf8'));
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : undefined;
  } catch {
    return undefined;
  }
}

function jsonToken(parts: RegExp, keys: readonly string[], sample: (random: string) => object): Check {
  return {
    check(value) {
      const object = decodeObject(parts.exec(value)?.[2] ?? '');
      return object !== undefined && keys.every((key) => key in object) ? 'valid' : 'invalid';
    },
    complete(value) {
      const [, prefix = '', body = '', rest = ''] = parts.exec(value) ?? [];
      return prefix + Buffer.from(JSON.stringify(sample(body.slice(-40)))).toString('base64') + rest;
    },
  };
}

export const grafanaCloud: Check = jsonToken(
  /^(glc_)([A-Za-z0-9+/]+=*)()$/,
  ['o', 'n', 'k', 'm'],
  (random) => ({
    o: '123456',
    n: 'stack-1-name-of-policy',
    k: random,
    m: { r: 'eu' },
  }),
);

export const grafanaApiKey: Check = jsonToken(/^()([A-Za-z0-9+/]+=*)()$/, ['k', 'n', 'id'], (random) => ({
  k: random,
  n: 'name',
  id: 1,
}));

export const sentryOrg: Check = jsonToken(
  /^(sntrys_)([A-Za-z0-9+/]+=*)(_[A-Za-z0-9+/]{43})$/,
  ['iat', 'url', 'region_url', 'org'],
  () => ({ iat: 1767225600.5, url: 'https://sentry.io', region_url: 'https://us.sentry.io', org: 'acme' }),
);

export const onePasswordService: Check = jsonToken(
  /^(ops_)([A-Za-z0-9+/_-]+=*)()$/,
  ['signInAddress', 'secretKey'],
  (random) => ({
    signInAddress: 'acme.1password.com',
    userAuth: { method: 'SRPg-4096', alg: 'PBES2g-HS256', iterations: 650000, salt: random },
    email: 'robot@acme.example',
    srpX: random,
    secretKey: `A3-${random}`,
    deviceUuid: random,
  }),
);
