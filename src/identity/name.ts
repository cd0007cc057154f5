import { RefgateError } from '../domain/error.ts';

const name = /^[a-z0-9][a-z0-9._-]{0,63}$/;

/** Actors of the ledger that are not users; a user of that name could pass for them. */
const reserved = new Set(['operator', 'refgate']);

const maxEmails = 32;

const rule = '1 to 64 of a-z, 0-9, ".", "_" and "-", beginning with a letter or digit';

/** A user name as it may be registered. Throws USAGE. */
export function checkUserName(text: string): string {
  if (!name.test(text)) throw usage(`${JSON.stringify(text)} cannot be a user name; use ${rule}`);
  if (reserved.has(text)) throw usage(`the name ${text} is reserved; choose another`);
  return text;
}

/** Groups in lower case, sorted, each once. Throws USAGE for one that cannot be a name. */
export function normaliseGroups(groups: readonly string[]): string[] {
  const clean = groups.map((group) => group.trim().toLowerCase());
  for (const group of clean) {
    if (!name.test(group)) throw usage(`${JSON.stringify(group)} cannot be a group; use ${rule}`);
  }
  return [...new Set(clean)].sort();
}

const email = /^[^\s@<>"\\\p{C}]{1,64}@[^\s@<>"\\\p{C}]{1,190}$/u;

/** Addresses of commits in lower case, sorted, each once. Throws USAGE for one that is none, and for more than 32. */
export function normaliseEmails(emails: readonly string[]): string[] {
  const clean = [...new Set(emails.map((one) => one.trim().toLowerCase()))].sort();
  for (const one of clean) {
    if (!email.test(one)) throw usage(`${JSON.stringify(one)} is not an address such as ada@example.com`);
  }
  if (clean.length > maxEmails) throw usage(`a user has at most ${maxEmails} addresses`);
  return clean;
}

function usage(text: string): RefgateError {
  return new RefgateError('USAGE', 'operator', text);
}
