import type { Command } from 'commander';
import type { FileDiff, RefReview, ReviewFile } from '../../domain/approval.ts';
import { RefgateError } from '../../domain/error.ts';
import type { AdminClient } from '../admin-client.ts';
import { formatDiff } from '../diff-text.ts';
import { formatJson, type Output } from '../output.ts';
import { type Paint, paintFor } from '../paint.ts';
import { formatPush, formatReview, type PushDetail } from '../push-text.ts';
import { adminOf, optionsOf, withJson } from './shared.ts';

/** Files whose lines are printed when none is named. */
const mostDiffs = 50;

interface ShowOptions {
  readonly diff: boolean;
  readonly file?: string;
}

interface ShownDiff {
  readonly ref: string;
  readonly file: Pick<ReviewFile, 'kind' | 'path' | 'from'>;
  readonly diff: FileDiff;
}

/** push show: what a push would do, before somebody decides. */
export function addPushShow(push: Command, output: Output): void {
  withJson(push.command('show <id>'), 'refgate push show p-7k3m2xa --file src/main.ts')
    .description('who pushes what, why it is held, the votes, and the difference with secrets masked')
    .option('--no-diff', 'without the lines that change')
    .option('--file <path>', 'only this file, whole')
    .action(async (id: string, _options: unknown, command: Command) => {
      const { json, diff, file } = optionsOf<ShowOptions>(command);
      const admin = adminOf(command);
      const path = `/pushes/${encodeURIComponent(id)}`;
      const paint = paintFor(process.stdout, process.env);
      const detail = await admin.get<PushDetail>(path);
      if (json !== true && file === undefined) output.out(formatPush(detail, paint));
      const reviews = await admin.get<RefReview[]>(`${path}/review`, { files: '2000' });
      if (json !== true && file === undefined)
        for (const review of reviews) output.out(formatReview(review, paint));
      const diffs = diff ? readDiffs(admin, path, reviews, file) : [];
      if (json === true) {
        const read: ShownDiff[] = [];
        for await (const one of diffs) read.push(one);
        output.out(`${formatJson({ ...detail, review: reviews, diffs: read })}\n`);
      } else await printDiffs(diffs, output, paint);
      if (json !== true && file === undefined && diff) output.out(foldedText(id, reviews));
    });
}

async function* readDiffs(
  admin: AdminClient,
  path: string,
  reviews: readonly RefReview[],
  wanted: string | undefined,
): AsyncGenerator<ShownDiff> {
  const all = reviews.flatMap(({ ref, files }) => files.map((file) => ({ ref: ref.ref, file })));
  const chosen =
    wanted === undefined ? all.slice(0, mostDiffs) : all.filter(({ file }) => file.path === wanted);
  if (wanted !== undefined && chosen.length === 0)
    throw new RefgateError(
      'NOT_FOUND',
      'client',
      `the push does not change ${wanted}; push show lists its files`,
    );
  for (const { ref, file } of chosen) {
    const query = { ref, path: file.path, whole: String(wanted !== undefined) };
    yield { ref, file, diff: await admin.get<FileDiff>(`${path}/diff`, query) };
  }
}

async function printDiffs(
  diffs: AsyncIterable<ShownDiff> | Iterable<ShownDiff>,
  output: Output,
  paint: Paint,
): Promise<void> {
  for await (const { file, diff } of diffs) output.out(`\n${formatDiff(file, diff, paint)}`);
}

function foldedText(id: string, reviews: readonly RefReview[]): string {
  const folded = reviews.reduce((sum, { fileCount }) => sum + fileCount, 0) - mostDiffs;
  return folded > 0 ? `\n${folded} more files: refgate push show ${id} --file PATH\n` : '';
}
