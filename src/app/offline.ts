/** What the command line can do without a server. The rooms behind it are not the command line's to know. */
export { cleanLine as cleanText } from '../git/text.ts';
export { parsePublicKey } from '../identity/public-key.ts';
export { parseTtl } from '../identity/ttl.ts';
export { testPolicy } from '../policy/cases.ts';
export { changes } from '../policy/document.ts';
export { imaginePush } from '../policy/imagine.ts';
export { checkPolicy, loadPolicy, policyWarnings } from '../policy/load.ts';
export { version } from '../session/version.ts';
export type { HeldCredential } from '../upstream/link-vault.ts';
export { createVaultClient } from '../upstream/vault-client.ts';
export { parseDuration } from './units.ts';
