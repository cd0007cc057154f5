/** Discord's bot tokens: the bot's id in base64, a time, and a signature. */
import type { Check } from './check.ts';

export const discordBot: Check = {
  check(value) {
    const id = Buffer.from(value.split('.')[0] ?? '', 'base64url').toString('latin1');
    return /^\d{17,20}$/.test(id) ? 'valid' : 'invalid';
  },
  complete(value, random) {
    const id = Array.from({ length: 18 }, () => 1 + Math.floor(random() * 9)).join('');
    return [Buffer.from(id).toString('base64url'), ...value.split('.').slice(1)].join('.');
  },
};
