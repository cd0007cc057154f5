/** Personal access tokens of Jira, Confluence and Bitbucket on one's own server: base64 of `number:random bytes`. */
import type { Check } from './check.ts';

const bodyOf = (value: string): string => value.replace(/^BBDC-/, '');

export const atlassianServer: Check = {
  check(value) {
    const text = Buffer.from(bodyOf(value), 'base64').toString('latin1');
    return /^[1-9]\d{3,13}:[\s\S]{18,}$/.test(text) ? 'valid' : 'invalid';
  },
  complete(value, random) {
    const bytes = Buffer.from(bodyOf(value), 'base64');
    for (let i = 0; i < 12; i++) bytes[i] = 0x31 + Math.floor(random() * 9);
    bytes[12] = 0x3a;
    return value.slice(0, value.length - bodyOf(value).length) + bytes.toString('base64');
  },
};
