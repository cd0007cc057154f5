/**
 * A secret of six digits is masked. Who reads the view has everything else of the history, and can try all million
 * values, if anything at all tells a right guess from a wrong one.
 *
 * 1. For each guess the agent computes the oids that the originals would have, and writes them where somebody repeats
 *    them: a message, a file, a branch, a push option. Told in another way than a wrong one, or standing where the view's
 *    oid would be told otherwise, the right one is found, thousands at a time.
 * 2. It adds a line with a guess to the file that holds the secret: compression finds the two alike, and the size of
 *    what goes to the upstream tells it, digit by digit.
 * 3. It pushes what the originals would be, whole.
 *
 * Held when what comes back is the same for a right guess and a wrong one.
 */
import assert from 'node:assert/strict';
import { statSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { RefgateError } from '../../src/domain/error.ts';
import type { MaskedViews } from '../../src/domain/mask.ts';
import { ReaderText } from '../../src/session/reader-text.ts';
import { MaskedClone, type WorkTree } from '../support/masked-clone.ts';

const digits = ['831', '047'].join('');
const wrong = ['495', '260'].join('');
const line = (value: string): string => `DB="Server=a;User Id=sa;${'Pass'}word=${value};"\n`;

const closers: (() => unknown)[] = [];
let clone: MaskedClone;
/** Of the commit that brought the secret. */
let original = '';
let shown = '';
let count = 0;

async function story(tree: WorkTree): Promise<void> {
  tree.write('README.md', 'A tool\n');
  await tree.commit('first');
  tree.write('db.ini', `[db]\n${line(digits)}x = 1\n`);
  await tree.commit('settings');
}

before(async () => {
  clone = await MaskedClone.of({ after: (close) => closers.push(close) }, story);
  original = await clone.person.git('rev-parse', 'origin/main');
  shown = await clone.agent.git('rev-parse', 'origin/main');
  assert.notEqual(original, shown);
});
after(async () => {
  for (const close of closers.reverse()) await close();
});

async function pushed(edit: (tree: WorkTree) => void, message = 'edit') {
  const { agent } = clone;
  const branch = `guess-${count++}`;
  await agent.git('checkout', '--quiet', '--force', '-B', branch, 'origin/main');
  edit(agent);
  return clone.push({ ref: `refs/heads/${branch}`, newOid: await agent.commit(message) });
}

/** What a client is told of a text in which its guess and the true oid stand. */
async function told(words: readonly string[] | undefined, guess: string): Promise<readonly string[]> {
  const views = {
    textFor: async (_: unknown, text: string) => text.replaceAll(original, shown),
  } as Partial<MaskedViews> as MaskedViews;
  const view = { repo: 'a/b', target: { upstream: 'u', path: 'a/b' }, mode: 'masked' } as const;
  const reader = new ReaderText(views, view);
  reader.brought(words);
  const text = `main is at ${original}, you said ${guess}`;
  const texts = [await reader.of(text), await reader.ofUpstream(text)];
  return texts.map((one) => one.replaceAll(guess, 'GUESS'));
}

test('a message, a file or a name with a right guess is answered as one with a wrong guess is', async () => {
  const guesses = [original, original.slice(0, 12), 'e1'.repeat(20)];
  for (const guess of guesses)
    for (const place of ['message', 'file']) {
      const { restored } = await pushed(
        (tree) => tree.append('README.md', place === 'file' ? `at ${guess}\n` : 'more\n'),
        place === 'message' ? `as ${guess} did` : 'edit',
      );
      assert.equal(restored.words, undefined, `${guess} in a ${place}`);
      for (const text of await told(restored.words, guess))
        assert.equal(text, 'main is at [oid], you said [oid]');
    }
});

test('who guesses nothing is told the oids of its view, also after it named some', async () => {
  const { restored } = await pushed(
    (tree) => tree.append('README.md', 'more\n'),
    `as ${shown} and ${shown.slice(0, 9)} did`,
  );
  assert.ok(restored.words?.includes(shown));
  assert.deepEqual(await told(restored.words, shown), Array(2).fill('main is at GUESS, you said GUESS'));
});

test('an upstream that speaks of what is not known is not repeated', async () => {
  const views = { textFor: async (_: unknown, text: string) => text } as Partial<MaskedViews> as MaskedViews;
  const view = { repo: 'a/b', target: { upstream: 'u', path: 'a/b' }, mode: 'masked' } as const;
  const reader = new ReaderText(views, view);
  reader.brought([]);
  const encoded = Buffer.from(`at ${original}`).toString('base64');
  const words = `${original} objects/${original.slice(0, 2)}/${original.slice(2)} x${original}${original} ${encoded}`;
  assert.equal(
    await reader.ofUpstream(`${words} of refs/heads/main in 1.20 KiB | 3 bytes/s`),
    `[oid] objects/${original.slice(0, 2)}/[oid] x[oid] [not shown] of refs/heads/main in [size] | [size]`,
  );
  assert.equal(
    await reader.ofUpstream('see https://host.example/acme/web/pull/new/Topic1'),
    'see https://host.example/acme/web/pull/new/Topic1',
  );
});

test('the size of what goes to the upstream does not tell whether a guess is in it', async () => {
  const sizes: number[] = [];
  for (const guess of [digits, wrong]) {
    // Bare digits are no secret by themselves.
    const { restored } = await pushed((tree) => tree.append('db.ini', `word=${guess};\n`.repeat(3)));
    assert.ok(restored.pack);
    assert.equal(restored.placeholders.length, 0);
    assert.equal(statSync(restored.pack.file).size, restored.pack.bytes);
    sizes.push(restored.pack.bytes);
  }
  assert.equal(sizes[0], sizes[1]);
});

test('the original file, whole, is refused as any file with a secret is', async () => {
  const answers: string[] = [];
  for (const guess of [digits, wrong])
    await pushed((tree) => tree.write('db.ini', `[db]\n${line(guess)}x = 1\n`)).catch((error: unknown) => {
      assert.ok(error instanceof RefgateError);
      answers.push(error.message.replace(/\b[0-9a-f]{12}\b/, 'OID'));
    });
  assert.equal(answers.length, 2);
  assert.equal(answers[0], answers[1]?.replaceAll(wrong, digits));
});
