import type { Finding } from '../domain/facts.ts';
import type { Steps } from '../domain/policy.ts';
import type { AllowedSecret, SecretSettings } from './document.ts';
import type { Pace } from './pace.ts';
import { anyMatches } from './pattern.ts';

/**
 * The findings that rules are asked about: not those of the repository's
 * baseline, nor those that the policy accepts. `at` is when the push is
 * judged; where it is not known, no line with a last day counts.
 */
export function* openFindings(
  findings: readonly Finding[],
  settings: SecretSettings,
  at: string | undefined,
  pace: Pace,
): Steps<readonly Finding[]> {
  const lines = settings.allow.filter(({ until }) => until === undefined || counts(until, at));
  const open: Finding[] = [];
  for (const finding of findings) {
    if (pace.isDue(1 + lines.length)) yield;
    if (finding.state === 'baseline' || (settings.allowComments && finding.comment === true)) continue;
    if (!lines.some((line) => accepts(line, finding))) open.push(finding);
  }
  return open;
}

function counts(until: string, at: string | undefined): boolean {
  const time = at === undefined ? Number.NaN : Date.parse(at);
  return !Number.isNaN(time) && new Date(time).toISOString().slice(0, 10) <= until;
}

function accepts({ fingerprint, rule, path }: AllowedSecret, finding: Finding): boolean {
  return (
    (fingerprint === undefined || fingerprint === finding.fingerprint) &&
    (rule === undefined || anyMatches(rule, finding.rule, 'exact')) &&
    (path === undefined || (finding.path !== undefined && path.matches(finding.path, 'exact')))
  );
}
