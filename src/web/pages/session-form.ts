import type { SessionOutcome, SessionQuery } from '../../domain/record.ts';

/** As the fields of the search are named, in the order of the form. */
export const sessionFields = ['user', 'repo', 'ref', 'outcome', 'since', 'until'] as const;
type SessionField = (typeof sessionFields)[number];

export const outcomes: readonly SessionOutcome[] = [
  'ok',
  'partial',
  'held',
  'refused',
  'rejected',
  'failed',
  'aborted',
  'unknown',
];

/** A search as it was typed, what is wrong with it by field, and the query where nothing is. */
export interface SessionForm {
  readonly typed: Readonly<Record<SessionField, string>>;
  readonly problems: Readonly<Partial<Record<SessionField, string>>>;
  readonly filter: Omit<SessionQuery, 'limit'> | undefined;
}

const longest = 512;

/** Reads a search from a query string. @param fixedUser whose sessions alone are looked for, whatever was typed */
export function readSessionForm(
  query: Readonly<Record<string, unknown>>,
  fixedUser: string | undefined,
): SessionForm {
  const typed = Object.fromEntries(
    sessionFields.map((field) => [field, textOf(query[field])]),
  ) as SessionForm['typed'];
  const before = textOf(query['before']);
  const since = timeOf(typed.since, 'first');
  const until = timeOf(typed.until, 'last');
  const problems = problemsOf(typed, since, until);
  if (Object.keys(problems).length > 0) return { typed, problems, filter: undefined };
  const outcome = outcomes.find((one) => one === typed.outcome);
  const user = fixedUser ?? typed.user;
  const repo = typed.repo.replace(/\.git$/, '');
  return {
    typed,
    problems,
    filter: {
      ...(user !== '' && { user }),
      ...(repo !== '' && { repo }),
      ...(typed.ref !== '' && { ref: typed.ref }),
      ...(outcome !== undefined && { outcome }),
      ...(since !== undefined && { since }),
      ...(until !== undefined && { until }),
      ...(before !== '' && { before }),
    },
  };
}

function problemsOf(
  typed: SessionForm['typed'],
  since: string | undefined,
  until: string | undefined,
): Partial<Record<SessionField, string>> {
  const problems: Partial<Record<SessionField, string>> = {};
  for (const field of sessionFields)
    if (typed[field].length > longest) problems[field] = `At most ${longest} characters.`;
  if (typed.ref !== '' && !typed.ref.startsWith('refs/'))
    problems.ref = 'Write the name in full, such as refs/heads/main.';
  if (typed.outcome !== '' && !outcomes.some((one) => one === typed.outcome))
    problems.outcome = `One of ${outcomes.join(', ')}.`;
  if (typed.since !== '' && since === undefined) problems.since = noTime;
  if (typed.until !== '' && until === undefined) problems.until = noTime;
  if (since !== undefined && until !== undefined && since > until)
    problems.until = 'This is before the beginning; exchange the two.';
  return problems;
}

const noTime = 'A date such as 2026-01-31, or a time such as 2026-01-31 14:30, in UTC.';

const timeForm = /^(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d)(?::(\d\d(?:\.\d{1,3})?))?(Z|[+-]\d\d:\d\d)?)?$/i;

/** RFC 3339. A date alone is its first or last ms, a time without a zone is UTC; undefined when it is none. */
function timeOf(text: string, end: 'first' | 'last'): string | undefined {
  const [, date, minute, second = '00', zone = 'Z'] = timeForm.exec(text) ?? [];
  if (date === undefined) return undefined;
  const clock =
    minute === undefined ? (end === 'first' ? '00:00:00' : '23:59:59.999') : `${minute}:${second}`;
  const ms = Date.parse(`${date}T${clock}${zone.toUpperCase()}`);
  return Number.isNaN(ms) || ms < 0 ? undefined : new Date(ms).toISOString();
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value.trim() : '';
}
