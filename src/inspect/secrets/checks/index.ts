import type { Check } from './check.ts';
import { githubCrc32 } from './github-crc32.ts';

/** What a rule names in `check`. */
export const checks: Readonly<Record<string, Check>> = {
  'github-crc32': githubCrc32,
};
