import { codeownersName, defaultWithin, maxWithin } from './ask-terms.ts';
import type { PolicySource } from './problems.ts';
import { parseDuration, tellDuration } from './quantities.ts';

type Path = readonly (string | number)[];
type Plain = Readonly<Record<string, unknown>>;

/** Keys of conditions that are about files or what is in them: where they match, a file was changed. */
const fileKeys = ['path', 'file', 'brings'];

function namesOf(value: unknown): readonly unknown[] {
  return value === undefined ? [] : [value].flat();
}

function durationOf(value: unknown): number | undefined {
  return typeof value === 'string' ? parseDuration(value) : undefined;
}

/** What is wrong with the terms of an ask although each by itself is right. */
export function lintAsk(source: PolicySource, path: Path, ask: Plain, when: unknown): void {
  lintTimes(source, path, ask);
  for (const key of ['group', 'breakGlass'])
    if (namesOf(ask[key]).includes(codeownersName))
      source.report(
        [...path, key],
        `"${codeownersName}" stands for the owners of the changed files, and no group has this name; write from: ${codeownersName}`,
      );
  if (!asksOnlyOwners(ask)) return;
  if (typeof ask['approvals'] === 'number' && ask['approvals'] > 1)
    source.report(
      [...path, 'approvals'],
      '"approvals" is counted for groups, and of the owners of a file one approves; remove it, or name a group as well',
    );
  if (!isMap(when) || fileKeys.some((key) => when[key] !== undefined)) return;
  const changes = namesOf(when['change']);
  if (changes.length > 0 && changes.every((change) => change === 'delete'))
    source.report(
      [...path, 'from'],
      'a ref that is deleted changes no file, so that nobody can be asked; name a group',
    );
}

function lintTimes(source: PolicySource, path: Path, ask: Plain): void {
  const within = durationOf(ask['within'] ?? '') ?? (ask['within'] === undefined ? defaultWithin : undefined);
  if (within === 0)
    source.report([...path, 'within'], '"within" lets nobody approve in time; write one such as 30m');
  if (within !== undefined && within > maxWithin)
    source.report(
      [...path, 'within'],
      `"within" is longer than ${tellDuration(maxWithin)}; write a shorter one`,
    );
  const wait = durationOf(ask['wait']);
  if (wait !== undefined && within !== undefined && wait > within)
    source.report(
      [...path, 'wait'],
      `"wait" is longer than "within", ${tellDuration(within)}, and the push has lapsed by then; write at most that`,
    );
}

/** Asks that are valid and deserve a look: where often nobody can be asked, or who is asked can do without the others. */
export function reportAsk(source: PolicySource, path: Path, ask: Plain, when: unknown): void {
  const asked = new Set([...namesOf(ask['group']), ...namesOf(ask['from'])]);
  for (const name of namesOf(ask['breakGlass']))
    if (asked.has(name))
      source.report(
        [...path, 'breakGlass'],
        `one member of "${String(name)}" may force alone what "${String(name)}" is asked to approve; name another group`,
      );
  if (!asksOnlyOwners(ask) || !isMap(when) || isAboutFiles(when)) return;
  source.report(
    [...path, 'from'],
    'what changes no file, such as a deletion or a new branch at an old commit, has no owners and is refused; name a path in "when", or a group as well',
  );
}

function asksOnlyOwners(ask: Plain): boolean {
  const named = [...namesOf(ask['group']), ...namesOf(ask['from'])];
  return named.length > 0 && named.every((name) => name === codeownersName);
}

/** Whether the condition speaks about files, or by itself about what every file has. */
function isAboutFiles(when: Plain): boolean {
  if (fileKeys.some((key) => when[key] !== undefined)) return true;
  if (namesOf(when['change']).some((one) => ['add', 'modify', 'rename', 'mode'].includes(String(one))))
    return true;
  const { all, any } = when;
  if (Array.isArray(all) && all.some((one: unknown) => isMap(one) && isAboutFiles(one))) return true;
  return Array.isArray(any) && any.every((one: unknown) => isMap(one) && isAboutFiles(one));
}

function isMap(value: unknown): value is Plain {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
