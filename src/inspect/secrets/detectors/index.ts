import { assignment } from './assignment.ts';
import type { Detector } from './detector.ts';
import { patternDetector } from './pattern.ts';
import { pemBlock, puttyFile } from './pem.ts';
import { urlCredentials } from './url-credentials.ts';

export type { Detector } from './detector.ts';

/** Every detector that a rule can name. */
export const detectors: Readonly<Record<string, Detector>> = {
  assignment,
  pattern: patternDetector,
  'pem-block': pemBlock,
  'putty-file': puttyFile,
  'url-credentials': urlCredentials,
};
