import assert from 'node:assert/strict';
import { test } from 'node:test';
import { showFiles } from '../../../src/inspect/review/list-files.ts';

const asIs = async (texts: readonly string[]): Promise<readonly string[]> => texts;
const add = (path: string) => ({ kind: 'add' as const, path });

test('files whose names look alike are told apart by numbers, and none takes the name of another', async () => {
  const files = await showFiles([add('a'), add('a (2)'), add('a'), add('a'), add('b')], [], asIs);
  assert.deepEqual(
    files.map(({ path }) => path),
    ['a', 'a (2)', 'a (3)', 'a (4)', 'b'],
  );
});

test('twenty thousand files of one look are listed without comparing each with all', async () => {
  const paths = Array.from({ length: 20_000 }, (_, at) => add(`key-${at}`));
  const files = await showFiles(paths, [], async (texts) => texts.map(() => 'key-***'));
  assert.equal(new Set(files.map(({ path }) => path)).size, 20_000);
  assert.equal(files.at(-1)?.path, 'key-*** (20000)');
});

test('findings are counted for the file that brings them, however its name is shown', async () => {
  const finding = {
    rule: 'private-key',
    family: 'private-key',
    tier: 'A',
    confidence: 'high',
    place: 'file',
    path: 'plain.txt',
    sample: '***',
    fingerprint: 'f',
    state: 'new',
  } as const;
  const [file] = await showFiles([add('plain.txt')], [finding], asIs);
  assert.equal(file?.findings, 1);
});
