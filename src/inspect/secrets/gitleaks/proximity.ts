import { invalidRules } from '../rules/rule-file.ts';
import type { RequiredEntry } from './gitleaks-file.ts';
import { admitOf, type RuleParts, type Search, secretOf } from './search.ts';
import { quote } from './toml-table.ts';

/** Whether what a rule requires beside its match is there. */
export interface Proximity {
  /** The rule requires nothing. */
  readonly always: boolean;
  /** Bytes on either side of the match that are looked at. */
  readonly reach: number;
  /** @param at where the match begins in the text. */
  holds(place: { readonly text: string; readonly at: number }): boolean;
}

const reach = 4_096;

/**
 * All of `required`: another rule finds something within so many lines and
 * columns of the match, and within 4 KiB of it in any case. Throws SECRET_RULES_INVALID (operator)
 * when there is no such rule.
 */
export function proximityOf({ entry }: Search, { searchOf }: RuleParts): Proximity {
  const all = entry.required.map((required) => {
    const other = searchOf(required.id);
    if (!other)
      throw invalidRules(
        `${entry.where}: required rule ${quote(required.id)} is not in this file, or has no regex; add it, with skipReport = true if it is no finding of its own`,
      );
    return (place: Place) => isNear(other, required, place);
  });
  return { always: all.length === 0, reach, holds: (place) => all.every((one) => one(place)) };
}

interface Place {
  readonly text: string;
  readonly at: number;
}

function isNear(other: Search, { withinLines, withinColumns }: RequiredEntry, { text, at }: Place): boolean {
  const from = Math.max(0, at - reach);
  const near = text.slice(from, at + reach);
  const here = placeOf(near, at - from);
  const admit = admitOf(other);
  for (const found of other.pattern.all(near)) {
    const there = placeOf(near, found.start);
    if (withinLines !== undefined && Math.abs(there.line - here.line) > withinLines) continue;
    if (withinColumns !== undefined && Math.abs(there.column - here.column) > withinColumns) continue;
    const { start, end } = secretOf(other, found);
    if (admit(near.slice(start, end), lineOf(near, start))) return true;
  }
  return false;
}

function placeOf(text: string, at: number): { readonly line: number; readonly column: number } {
  let line = 0;
  let begins = 0;
  for (let next = text.indexOf('\n'); next >= 0 && next < at; next = text.indexOf('\n', next + 1)) {
    line++;
    begins = next + 1;
  }
  return { line, column: at - begins };
}

function lineOf(text: string, at: number): string {
  const end = text.indexOf('\n', at);
  return text.slice(text.lastIndexOf('\n', at - 1) + 1, end < 0 ? text.length : end);
}
