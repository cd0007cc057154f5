const units = [
  { ms: 86_400_000, name: 'd' },
  { ms: 3_600_000, name: 'h' },
  { ms: 60_000, name: 'min' },
  { ms: 1_000, name: 's' },
] as const;

/** A duration of at least 0 ms in its two largest units, such as `1 h 20 min`; seconds only below a minute. */
export function durationText(ms: number): string {
  const at = units.findIndex((unit) => ms >= unit.ms);
  const large = units[at];
  if (large === undefined) return '0 s';
  const count = Math.floor(ms / large.ms);
  const small = large.name === 'min' ? undefined : units[at + 1];
  const rest = small === undefined ? 0 : Math.floor((ms - count * large.ms) / small.ms);
  return rest === 0 ? `${count} ${large.name}` : `${count} ${large.name} ${rest} ${small?.name}`;
}

/** How long it is until then, or that it is over. @param deadline RFC 3339 @param now ms since 1970 */
export function timeLeft(deadline: string, now: number): string {
  const ms = Date.parse(deadline) - now;
  return ms > 0 ? `${durationText(ms)} left` : 'over';
}
