/** `npm run docs`: writes the generated parts of docs/; with `--check` only compares. */
import './architecture.mjs';

import './attacks.mjs';
import './errors.mjs';
import './policy-schema.mjs';
