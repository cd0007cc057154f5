import { type Condition, fileChanges } from './document.ts';

/** What a condition can be about, from the whole to the part: a key about a whole may be asked of each of its parts. */
export const levels = { ref: 0, commit: 1, file: 2, finding: 3, unknown: 4 } as const;

export type Level = (typeof levels)[keyof typeof levels];

const levelOfKey: Readonly<Record<string, Level>> = {
  commit: levels.commit,
  path: levels.file,
  file: levels.file,
  brings: levels.file,
  secret: levels.finding,
  unknown: levels.unknown,
};

/** The deepest thing that a condition speaks about. */
export function deepest(condition: Condition): Level {
  let found: Level = speaksOfFiles(condition) ? levels.file : levels.ref;
  const deepen = (level: Level) => {
    if (level > found) found = level;
  };
  for (const [key, value] of Object.entries(condition))
    if (value !== undefined) deepen(levelOfKey[key] ?? levels.ref);
  for (const inner of innerOf(condition)) deepen(deepest(inner));
  return found;
}

/** Whether `change` and its word `delete` are about files here: beside path, file and brings, or words of files. */
export function speaksOfFiles(condition: Condition): boolean {
  const { path, file, brings, change } = condition;
  if (path || file || brings) return true;
  return (change ?? []).some((one) => one !== 'delete' && (fileChanges as readonly string[]).includes(one));
}

/** Whether the condition asks what the content of files is, anywhere in it. */
export function asksForContent(condition: Condition): boolean {
  const { file, secret } = condition;
  const ofFile = file?.size !== undefined || file?.type !== undefined || file?.lfs !== undefined;
  return secret !== undefined || ofFile || innerOf(condition).some(asksForContent);
}

/** Whether the condition tells one path from another, anywhere in it. */
export function asksForPath(condition: Condition): boolean {
  return condition.path !== undefined || innerOf(condition).some(asksForPath);
}

/** Whether the condition tells one ref from another, anywhere in it. */
export function asksForRef(condition: Condition): boolean {
  return condition.ref !== undefined || innerOf(condition).some(asksForRef);
}

/** Whether the condition asks how many files the push adds, anywhere in it. */
export function asksForNewFiles(condition: Condition): boolean {
  return condition.push?.newFiles !== undefined || innerOf(condition).some(asksForNewFiles);
}

function innerOf({ not, any, all }: Condition): readonly Condition[] {
  return [...(not ? [not] : []), ...(any ?? []), ...(all ?? [])];
}
