/** `npm run build`: types and dist, without outputs of sources that are gone. */
import { compile, install, requireTools } from './prepare.mjs';

requireTools();
install();
compile();
