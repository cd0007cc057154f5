/** A draft of the policy, and what it is called where something is wrong with it. */
export interface PolicyText {
  readonly text: string;
  readonly file: string;
}

/** What came of reading a draft: `invalid` has one problem on each line, `failed` is ours. */
export type CheckedPolicy =
  | { readonly version: string }
  | { readonly invalid: string }
  | { readonly failed: string };

/** Nobody reads more of them, and each costs memory several times on its way to a page. */
const maxProblems = 200;
const maxProblemLength = 2_000;

/** The first of the problems, with how many more there are. */
export function fewProblems(lines: string, file: string): string {
  const all = lines.split('\n');
  const few = all.slice(0, maxProblems).map((line) => line.slice(0, maxProblemLength));
  const more = all.length - few.length;
  if (more > 0) few.push(`${file}:1:1: there are ${more} more problems; mend these first`);
  return few.join('\n');
}
