/**
 * Ref names: git-check-ref-format(1), and above it what deceives people or
 * tools although git accepts it.
 */
import { RefgateError } from '../domain/error.ts';
import { quoted } from './protocol-error.ts';

export type RefNamespace = 'branch' | 'tag' | 'other';

/** Longest ref name and longest component of one, in bytes of UTF-8. */
export const refNameLimits = { name: 1024, component: 250 } as const;

// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
const forbidden = /[\u0000-\u0020\u007f~^:?*[\\]|\.\.|@\{|\/\/|^\/|\/$|\.$/;
const badComponent = /(?:^|\/)\.|\.lock(?:\/|$)/;
const invisible =
  /[\u0080-\u009f\ufffd\u2800]|[\p{Cf}\p{Cs}\p{Co}\p{Cn}\p{Z}]|\p{Default_Ignorable_Code_Point}/u;
const whole = /^(?:[0-9a-f]{40}|[0-9a-f]{64})$/i;

/**
 * What git-check-ref-format(1) has against the name, as one phrase; undefined
 * when git takes it. Names need at least two components.
 */
export function refFormatProblem(ref: string): string | undefined {
  if (ref === '@' || !ref.includes('/')) return 'it has only one component';
  if (forbidden.test(ref)) return 'it holds a character or sequence that ref names cannot hold';
  if (badComponent.test(ref)) return 'a component begins with a dot or ends with .lock';
  return undefined;
}

/** Branch for `refs/heads/`, tag for `refs/tags/`, and other. */
export function namespaceOf(ref: string): RefNamespace {
  if (ref.startsWith('refs/heads/')) return 'branch';
  return ref.startsWith('refs/tags/') ? 'tag' : 'other';
}

/**
 * The name without its differences of case, width, composition and invisible
 * characters. Names that fold alike look alike to people or are one file on some disks.
 */
export function foldRefName(ref: string): string {
  if (/^[\x20-\x7e]*$/.test(ref)) return ref.toLowerCase();
  let folded = ref;
  for (let round = 0; round < 4; round++) {
    const next = foldOnce(folded);
    if (next === folded) break;
    folded = next;
  }
  return folded;
}

function foldOnce(text: string): string {
  return text
    .normalize('NFKC')
    .replace(/\p{Default_Ignorable_Code_Point}/gu, '')
    .toUpperCase()
    .toLowerCase()
    .normalize('NFKC');
}

/** Whether two different names could be taken for each other, such as `refs/heads/Main` and `refs/heads/main`. */
export function collides(a: string, b: string): boolean {
  return a !== b && foldRefName(a) === foldRefName(b);
}

/**
 * Refuses a ref name that git refuses or that deceives: REF_NAME_INVALID, or
 * REF_NAMESPACE outside `refs/heads/` and `refs/tags/` unless `anyNamespace`.
 */
export function checkRefName(ref: string, options: { readonly anyNamespace?: boolean } = {}): void {
  const problem = refFormatProblem(ref) ?? deception(ref);
  if (problem !== undefined)
    throw new RefgateError('REF_NAME_INVALID', 'client', `${quoted(ref)}: ${problem}`);
  if (!ref.startsWith('refs/')) throw new RefgateError('REF_NAMESPACE', 'client', quoted(ref));
  if (namespaceOf(ref) === 'other' && options.anyNamespace !== true) {
    throw new RefgateError('REF_NAMESPACE', 'client', quoted(ref));
  }
}

function deception(ref: string): string | undefined {
  if (Buffer.byteLength(ref) > refNameLimits.name) return `it is longer than ${refNameLimits.name} bytes`;
  if (invisible.test(ref)) return 'it holds invisible or unassigned characters';
  if (ref.normalize('NFC') !== ref) return 'its characters are not composed (Unicode NFC)';
  for (const component of ref.split('/')) {
    if (component.startsWith('-')) return 'a component begins with a dash';
    if (Buffer.byteLength(component) > refNameLimits.component) {
      return `a component is longer than ${refNameLimits.component} bytes`;
    }
  }
  return shortNameProblem(foldRefName(ref));
}

function shortNameProblem(folded: string): string | undefined {
  const short = /^refs\/(?:heads|tags)\/(.*)$/s.exec(folded)?.[1];
  if (short === undefined) return undefined;
  if (whole.test(short)) return 'it looks like an oid';
  if (/^(?:(?:fetch|orig|merge|cherry_pick|revert|bisect|rebase)_)?head$/.test(short))
    return 'it looks like HEAD';
  if (/^refs(?:\/|$)/.test(short)) return 'it looks like a full ref name';
  return undefined;
}

/**
 * Whether a name that an upstream showed can be handed on: HEAD, or under
 * `refs/` and acceptable to git. Deceptive names that exist already are shown as they are.
 */
export function isShownRefName(ref: string): boolean {
  return ref === 'HEAD' || (ref.startsWith('refs/') && refFormatProblem(ref) === undefined);
}
