/**
 * Names that a checkout would take for git's own files, in every disguise that
 * a file system sees through. NTFS: any case, dots and spaces at the end,
 * `:stream` behind it, short names such as `GIT~1`. HFS+: any case, and code
 * points that it ignores (CVE-2014-9390, CVE-2019-1352, CVE-2019-1353).
 */

/** A file that git reads and obeys, besides `.git` itself. */
export type DotFile = 'gitmodules' | 'gitattributes';

/** The short names that NTFS makes up when `gitmod~1` to `gitmod~4` are taken begin with these. */
const shortNames: readonly [DotFile, string][] = [
  ['gitmodules', 'gi7eba'],
  ['gitattributes', 'gi7d29'],
];

function shortName(prefix: string): string {
  const forms = [];
  for (let kept = prefix.length; kept >= 0; kept--) {
    forms.push(`${prefix.slice(0, kept)}~[1-9][0-9]{${prefix.length - kept}}`);
  }
  return forms.join('|');
}

const ntfsGit = /^(?:\.git|git~1)[. ]*(?:$|:)/i;
const ntfsFiles = shortNames.map(([file, prefix]): readonly [DotFile, RegExp] => {
  const forms = `\\.${file}|${file.slice(0, 6)}~[1-4]|${shortName(prefix)}`;
  return [file, new RegExp(`^(?:${forms})[. ]*(?:$|:)`, 'i')];
});
const ignoredByHfs = /[\u200c-\u200f\u202a-\u202e\u206a-\u206f\ufeff]/g;

/**
 * Whether a name is one that git obeys, `unsafe` when no checkout should see
 * it (`.`, `..` and `.git` in disguise), or undefined when it is harmless.
 * Everything that NTFS would take as a path is looked at part by part.
 */
export function dotFileOf(
  content: Buffer,
  from: number,
  to: number,
  backslash: boolean,
): DotFile | 'unsafe' | undefined {
  if (!backslash && !maySpeakToGit(content, from, to)) return undefined;
  const name = content.toString('utf8', from, to);
  if (name === '.' || name === '..') return 'unsafe';
  const parts = backslash ? name.split('\\') : [name];
  let found: DotFile | undefined;
  for (const part of parts) {
    if (ntfsGit.test(part)) return 'unsafe';
    for (const [file, pattern] of ntfsFiles) if (pattern.test(part)) found = file;
  }
  const folded = name.replace(ignoredByHfs, '').toLowerCase();
  if (folded === '.git') return 'unsafe';
  for (const [file] of shortNames) if (folded === `.${file}`) found = file;
  return found;
}

/** A quick look at the first bytes, for the many names that need no second one. */
function maySpeakToGit(content: Buffer, from: number, to: number): boolean {
  const first = content[from];
  // `.`, `g`, `G`, `~`, and the lead bytes of what HFS+ ignores.
  if (first === 0x2e) return to - from <= 2 || followsDot(content[from + 1] as number);
  if (first === 0x67 || first === 0x47) return followsG(content[from + 1] as number);
  return first === 0x7e || first === 0xe2 || first === 0xef;
}

function followsDot(byte: number): boolean {
  return byte === 0x67 || byte === 0x47 || byte === 0xe2 || byte === 0xef || byte === 0x2e;
}

function followsG(byte: number): boolean {
  return byte === 0x69 || byte === 0x49 || byte === 0x7e;
}
