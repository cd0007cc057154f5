import { assignment } from './assignment.ts';
import type { Detector } from './detector.ts';
import { patternDetector } from './pattern.ts';
import { urlCredentials } from './url-credentials.ts';

export type { Detector } from './detector.ts';

/** Every detector that a rule can name. */
export const detectors: Readonly<Record<string, Detector>> = {
  assignment,
  pattern: patternDetector,
  'url-credentials': urlCredentials,
};
