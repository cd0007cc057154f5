import type { ErrorCode } from '../domain/error.ts';
import type { RefContents, UnknownFact } from '../domain/facts.ts';
import type { PlaceholderUse } from '../domain/mask.ts';
import type { Reason } from '../domain/policy.ts';
import type { PushFacts } from '../domain/session.ts';
import type { CheckAsk, CheckEffect, Checks } from './document.ts';
import { printable, tellAsk, tellUnknown } from './tell.ts';
import { short } from './way-out.ts';

/** What the built-in checks found, and what follows from it. */
export interface Checked {
  readonly effect: CheckEffect | CheckAsk;
  readonly reasons: readonly Reason[];
}

/** How many things of one check are told by name. */
const maxTold = 5;

/** What no rule has to ask for: objects that nobody judged, content that nobody scanned, history that nobody knows. */
export function runChecks(
  checks: Checks,
  facts: PushFacts,
  contents: RefContents | undefined,
): readonly Checked[] {
  return [
    { effect: checks['hidden-objects'], reasons: tellHidden(facts) },
    {
      effect: checks.unscanned,
      reasons: tellAll(
        'CONTENT_UNSCANNED',
        contents,
        'content',
        'make it smaller or leave it out, or ask an administrator',
      ),
    },
    {
      effect: checks['unknown-history'],
      reasons: tellAll(
        'HISTORY_UNKNOWN',
        contents,
        'history',
        'fetch and push again, or ask an administrator',
      ),
    },
    { effect: checks.placeholders, reasons: tellPlaceholders(checks.placeholders, facts) },
  ];
}

function reason(code: ErrorCode, text: string): Reason {
  return { rule: code, code, text };
}

function tellHidden({ hidden }: PushFacts): readonly Reason[] {
  if (!hidden || hidden.count === 0) return [];
  const examples = hidden.examples.slice(0, 3).map(({ oid, type }) => `${type} ${short(oid)}`);
  const named = examples.length === 0 ? '' : ` (${examples.join(', ')}${hidden.count > 3 ? ', ...' : ''})`;
  const count = hidden.count === 1 ? 'an object' : `${hidden.count} objects`;
  return [
    reason(
      'HIDDEN_OBJECTS',
      `the pack holds ${count} that no ref of the push reaches${named}; push from a fresh clone`,
    ),
  ];
}

const placeNow: Readonly<Record<PlaceholderUse['how'], string>> = {
  'new-line': 'stands on a line that the file did not have',
  'new-file': 'stands in a file that was not there before',
  'sensitive-path': 'was carried to where the host runs things or reads its settings',
  symlink: 'was carried to the target of a symbolic link',
};

/** They belong to the push as a whole: one secret may have been carried from one ref to another. */
function tellPlaceholders(
  effect: Checks['placeholders'],
  { placeholders = [] }: PushFacts,
): readonly Reason[] {
  const then =
    typeof effect === 'string'
      ? 'put the line back as it was, or leave the placeholder out, then amend that commit and push again'
      : tellAsk(effect.ask, undefined);
  const told = placeholders.slice(0, maxTold);
  return told.map(({ path, line, rule, how, commit }, at) => {
    const where = `${printable(path)}${line === undefined ? '' : `:${line}`}`;
    const more =
      at === told.length - 1 && placeholders.length > told.length
        ? ` and ${placeholders.length - told.length} more`
        : '';
    const what = `the placeholder of ${printable(rule)} ${placeNow[how]}, in commit ${short(commit)}`;
    return reason('PLACEHOLDER_MOVED', `${where}: ${what}${more}; ${then}`);
  });
}

function tellAll(
  code: ErrorCode,
  contents: RefContents | undefined,
  what: UnknownFact['what'],
  then: string,
): readonly Reason[] {
  const found = (contents?.unknowns ?? []).filter((unknown) => unknown.what === what);
  const told = found.slice(0, maxTold);
  return told.map((unknown, at) => {
    const more =
      at === told.length - 1 && found.length > told.length ? ` and ${found.length - told.length} more` : '';
    return reason(code, `${tellUnknown(unknown)}${more}; ${then}`);
  });
}
