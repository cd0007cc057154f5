import type { AllowedValue, MaskPreview, MaskProgress, MaskStatus, MaskValue } from '../domain/mask.ts';
import { formatTable } from './output.ts';
import type { Paint } from './paint.ts';
import { visibleText } from './visible-text.ts';

/** A preview as the API gives it: with the sentence that says what it comes to. */
export type ToldPreview = MaskPreview & { readonly says: string };

/** Rows of a list that are printed; --json has all of them. */
const mostRows = 100;

/** What a view would change, value by value, and what to do next. */
export function formatPreview(preview: ToldPreview, isEnabled: boolean, paint: Paint): string {
  const { repo, says, values, valueCount, unscanned, unscannedCount, hiddenRefs } = preview;
  let text = `${paint.bold(visibleText(`${repo}: ${says}`))}\n`;
  if (values.length > 0) {
    const header = [
      'RULE',
      'CONFIDENCE',
      'SAMPLE',
      'COMMITS',
      'OBJECTS',
      'FIRST SEEN',
      'FINGERPRINT',
      'ALLOWED',
    ];
    text += `\n${formatTable(header, values.slice(0, mostRows).map(valueRow))}`;
  }
  text += more(valueCount - Math.min(values.length, mostRows), 'values');
  for (const line of unscanned) text += `  not searched, masked as a whole: ${visibleText(line)}\n`;
  text += more(unscannedCount - unscanned.length, 'objects that were not searched');
  if (hiddenRefs > 0) text += `  refs whose names hold a secret, and are not shown: ${hiddenRefs}\n`;
  return `${text}\n${nextSteps(preview, isEnabled)}`;
}

function valueRow(value: MaskValue): readonly string[] {
  const { rule, confidence, sample, commits, objects, fingerprint, allowed } = value;
  const isAllowed = allowed === undefined ? '-' : allowed.repo === undefined ? 'everywhere' : 'here';
  return [rule, confidence, sample, String(commits), String(objects), placeOf(value), fingerprint, isAllowed];
}

function placeOf({ path, commit }: MaskValue): string {
  if (commit === undefined) return path === undefined ? '(tag)' : visibleText(path);
  return `${path === undefined ? '(commit)' : visibleText(path)} @ ${commit.slice(0, 12)}`;
}

function nextSteps(preview: ToldPreview, isEnabled: boolean): string {
  const { repo, values, unscannedCount, hiddenRefs, changedCommits, scannedAt } = preview;
  const name = visibleText(repo);
  const isClean = values.every(({ allowed }) => allowed !== undefined) && unscannedCount + hiddenRefs === 0;
  if (isClean && changedCommits === 0)
    return 'Nothing is masked: clients get the repository as it is, with its own oids.\n';
  const isOld = values.some(({ allowed }) => allowed !== undefined && allowed.time > scannedAt);
  return [
    ...(isOld
      ? [`Commits were counted before some values were allowed; anew: refgate mask preview ${name}`]
      : []),
    'What is a secret stays, and is masked; rotate it all the same. What is none, such as the token of an example, is shown in clear with',
    `  refgate mask allow FINGERPRINT --repo ${name} --reason "why"`,
    ...(isEnabled
      ? ['Readers get a view already; what you allow changes it by itself, and the oids that they know.']
      : [
          'Then make the view; until it is made, nobody can read the repository masked:',
          `  refgate mask enable ${name}`,
        ]),
    '',
  ].join('\n');
}

/** One repository a line. */
export function formatStatuses(all: readonly MaskStatus[]): string {
  return formatTable(
    ['REPO', 'STATE', 'ENABLED', 'VALUES', 'CHANGED', 'DISK', 'SYNCED', 'NOTE'],
    all.map((one) => [
      visibleText(one.repo),
      one.state,
      one.enabled ? 'yes' : 'no',
      numberText(one.values),
      one.commits === undefined ? '-' : `${one.changedCommits ?? 0} of ${one.commits}`,
      one.bytes === undefined ? '-' : sizeText(one.bytes),
      one.syncedAt ?? '-',
      noteOf(one) ?? '-',
    ]),
  );
}

/** One repository, a fact a line. */
export function formatStatus(one: MaskStatus, paint: Paint): string {
  const facts: readonly (readonly [string, string | undefined])[] = [
    ['goes to', `${one.target.path} on ${one.target.upstream}`],
    ['enabled', one.enabled ? 'yes' : 'no'],
    ['progress', one.progress && progressText(one.progress)],
    ['problem', one.problem],
    ['values', one.values === undefined ? undefined : `${one.values} masked`],
    [
      'withheld',
      one.unscanned ? `${one.unscanned} of them whole contents that could not be searched` : undefined,
    ],
    [
      'commits',
      one.commits === undefined ? undefined : `${one.changedCommits ?? 0} of ${one.commits} changed`,
    ],
    ['epoch', one.epoch === undefined ? undefined : String(one.epoch)],
    ['synced', one.syncedAt],
    ['disk', one.bytes === undefined ? undefined : sizeText(one.bytes)],
    ['next', nextOf(one)],
  ];
  const lines = facts.flatMap(([name, text]) =>
    text === undefined ? [] : [`  ${name.padEnd(8)}  ${visibleText(text)}\n`],
  );
  const state = one.state === 'ready' ? paint.good(one.state) : paint.wait(one.state);
  return `${paint.bold(visibleText(one.repo))}  ${one.state === 'failed' ? paint.bad(one.state) : state}\n${lines.join('')}`;
}

function noteOf({ progress, problem }: MaskStatus): string | undefined {
  if (problem !== undefined) return visibleText(problem);
  return progress && progressText(progress);
}

function nextOf({ state, repo }: MaskStatus): string | undefined {
  if (state === 'unknown') return `refgate mask preview ${repo}`;
  if (state === 'review') return `refgate mask preview ${repo}, then refgate mask enable ${repo}`;
  if (state === 'stopped') return `refgate mask resume ${repo}`;
  return state === 'failed'
    ? `put right what the problem names, then refgate mask resume ${repo}`
    : undefined;
}

/** How far it is, such as `scan: 120 of 4000 objects (3 %)`. */
export function progressText({ step, done, total, unit }: MaskProgress): string {
  const isSize = unit === 'bytes';
  const numbers = [done, ...(total === undefined ? [] : [total])].map((one) =>
    isSize ? sizeText(one) : String(one),
  );
  const percent = total ? ` (${Math.floor((100 * Math.min(done, total)) / total)} %)` : '';
  return `${step}: ${numbers.join(' of ')}${isSize ? '' : ` ${unit}`}${percent}`;
}

/** The values that are shown in clear. */
export function formatAllowed(all: readonly AllowedValue[]): string {
  return formatTable(
    ['FINGERPRINT', 'REPO', 'SINCE', 'BY', 'REASON'],
    all.map(({ fingerprint, repo, time, actor, reason }) => [
      fingerprint,
      visibleText(repo ?? 'every one'),
      time,
      actor,
      visibleText(reason),
    ]),
  );
}

function numberText(count: number | undefined): string {
  return count === undefined ? '-' : String(count);
}

function sizeText(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  let [value, at] = [bytes, 0];
  for (; value >= 1024 && at < units.length - 1; at += 1) value /= 1024;
  return `${at === 0 || value >= 10 ? Math.round(value) : value.toFixed(1)} ${units[at]}`;
}

function more(count: number, what: string): string {
  return count > 0 ? `  and ${count} more ${what}\n` : '';
}
