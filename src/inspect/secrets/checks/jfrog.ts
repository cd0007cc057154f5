/** JFrog: API keys are base 58 of 54 bytes; reference tokens are base64 of `reftkn:NN:epoch:random`. */
import { decodeBase58 } from './base58.ts';
import type { Check } from './check.ts';

export const jfrogApiKey: Check = {
  check: (value) => (decodeBase58(value)?.length === 54 ? 'valid' : 'invalid'),
  complete: (value) => value.replace(/[0OIl]/g, 'x'),
};

const reference = /^reftkn:\d{1,2}:\d{1,12}:[0-9A-Za-z]{16,}$/;

export const jfrogReference: Check = {
  check: (value) => (reference.test(Buffer.from(value, 'base64').toString('latin1')) ? 'valid' : 'invalid'),
  complete(value) {
    const random = Buffer.from(value, 'base64').toString('hex').slice(-28);
    return Buffer.from(`reftkn:01:1767225600:${random}`).toString('base64').slice(0, 64);
  },
};
