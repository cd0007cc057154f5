import type { PushCondition, TimeCondition } from './document.ts';
import { anyMatches, type Width } from './pattern.ts';
import type { Scope } from './subject.ts';

/** Whether the push as a whole is as large as the condition says, or carries such an option. */
export function matchPush(condition: PushCondition, scope: Scope, width: Width): boolean {
  const { refs, commits, files, newFiles, objects, bytes, options } = condition;
  const { push } = scope;
  const unknown = width === 'wide';
  const sum = (of: 'commits' | 'changes') =>
    push.contents?.reduce((total, { counts }) => total + counts[of], 0);
  if (refs && !refs.holds(push.refs.length)) return false;
  if (objects && !objects.holds(push.objects)) return false;
  if (bytes && !bytes.holds(push.bytes)) return false;
  if (options && !push.pushOptions.some((option) => anyMatches(options, option, width))) return false;
  if (commits || files || newFiles) {
    const counted = { commits: sum('commits'), files: sum('changes') };
    if (counted.commits === undefined || counted.files === undefined) return unknown;
    if (commits && !commits.holds(counted.commits)) return false;
    if (files && !files.holds(counted.files)) return false;
    if (newFiles && scope.newFiles === undefined) return unknown;
    if (newFiles && !newFiles.holds(scope.newFiles ?? 0)) return false;
  }
  return true;
}

/** Whether the push is judged within the window; a window over midnight belongs to the day on which it begins. */
export function matchTime(condition: TimeCondition, scope: Scope, width: Width): boolean {
  const { days, from = 0, to = 1440, zone } = condition;
  const { at } = scope.push;
  if (at === undefined) return width === 'wide';
  const { day, minutes } = wallClock(at, zone);
  const on = (which: number) => !days || days.includes(which);
  if (from < to) return on(day) && minutes >= from && minutes < to;
  return (on(day) && minutes >= from) || (on((day + 6) % 7) && minutes < to);
}

const shortDays: readonly string[] = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'];

/** The day of the week, from Sunday, and the minutes since midnight, on the clocks of a zone. */
export function wallClock(at: string, zone: string): { readonly day: number; readonly minutes: number } {
  const format = new Intl.DateTimeFormat('en-GB', {
    timeZone: zone,
    weekday: 'short',
    hour: '2-digit',
    minute: '2-digit',
    hourCycle: 'h23',
  });
  const parts = new Map(format.formatToParts(new Date(at)).map(({ type, value }) => [type, value]));
  return {
    day: shortDays.indexOf(parts.get('weekday') ?? ''),
    minutes: Number(parts.get('hour')) * 60 + Number(parts.get('minute')),
  };
}

/** Whether the push came from one of the networks. */
export function matchNetwork(
  networks: readonly { holds(address: string): boolean }[],
  scope: Scope,
  width: Width,
): boolean {
  const { address } = scope.push;
  return address === undefined ? width === 'wide' : networks.some((network) => network.holds(address));
}
