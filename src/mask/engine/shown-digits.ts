import type { Oid } from '../../domain/git.ts';
import type { ViewRows } from '../rows/view-rows.ts';

/** How often an abbreviation that is one of two originals is followed before it is shown as zeros. */
const maxSteps = 8;

/**
 * What stands in a text for a token of 7 to 64 lower-case hex digits: as many digits of the view where it is, or begins,
 * the oid of an affected original, and the token itself otherwise. The digits that are shown begin no affected original:
 * showing them again changes nothing.
 */
export function shownDigits(
  rows: Pick<ViewRows, 'viewOf' | 'originalsFrom'>,
  epoch: number,
  token: string,
): string {
  let shown = token;
  for (let step = 0; step < maxSteps; step++) {
    if (/^0+$/.test(shown)) return shown;
    const view = viewOfToken(rows, epoch, shown);
    if (view === undefined) return shown;
    shown = view.slice(0, token.length).padEnd(token.length, '0');
  }
  return '0'.repeat(token.length);
}

function viewOfToken(
  rows: Pick<ViewRows, 'viewOf' | 'originalsFrom'>,
  epoch: number,
  token: string,
): Oid | undefined {
  const isWhole = token.length === 40 || token.length === 64;
  const whole = isWhole ? rows.viewOf(token, epoch)?.oid : undefined;
  if (whole !== undefined) return whole;
  const [original] = rows.originalsFrom(token, epoch, 1);
  return original === undefined ? undefined : rows.viewOf(original, epoch)?.oid;
}
