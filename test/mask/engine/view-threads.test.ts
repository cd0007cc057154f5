import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, test } from 'node:test';
import { RefgateError } from '../../../src/domain/error.ts';
import { ViewThread } from '../../../src/mask/engine/view-thread.ts';
import { ViewThreads } from '../../../src/mask/engine/view-threads.ts';

/** A thread that tells its own number and what it has open; it dies of the epoch 666, and never answers 7 until it is aborted. */
const script = `
import { parentPort, threadId } from 'node:worker_threads';
const open = new Set();
const waiting = new Map();
parentPort.on('message', (message) => {
  if (message.type === 'abort') {
    parentPort.postMessage({ type: 'failed', id: waiting.get(message.id), code: 'HUNG_UP', blame: 'client' });
    return;
  }
  if (message.type === 'close') open.delete(message.dir);
  else open.add(message.repo.dir);
  if (message.ask?.epoch === 666) process.exit(1);
  if (message.ask?.epoch === 7) { waiting.set(message.id, message.id); return; }
  if (message.ask?.epoch === 8) {
    parentPort.postMessage({ type: 'failed', id: message.id, code: 'VIEW_FOREIGN', blame: 'client', detail: 'x' });
    return;
  }
  parentPort.postMessage({ type: 'answer', id: message.id, answer: [[String(threadId), [...open].join()]] });
});
`;

let threads: ViewThreads;

afterEach(() => threads.close());

function make(count: number, idle = 60_000, mostIdle = 16): void {
  threads = new ViewThreads({
    url: new URL(`data:text/javascript,${encodeURIComponent(script)}`),
    settings: {
      secrets: { ruleFiles: [], defaults: false, fingerprintKey: Buffer.alloc(32) },
      confidence: 'medium',
    },
    count,
    idle,
    mostIdle,
  });
}

/** The number of the thread, and what it has open. */
async function ask(dir: string, epoch = 1): Promise<readonly string[]> {
  const [answer] = await threads.ask('shown', { dir, format: 'sha1' }, { epoch, tokens: [] });
  return answer ?? [];
}

const code = (expected: string) => (error: unknown) =>
  error instanceof RefgateError && error.code === expected;

test('a repository stays on its thread, and others go to the one with fewest', async () => {
  make(2);
  assert.equal(threads.running, 0);
  const [a] = await ask('a');
  const [b] = await ask('b');
  assert.notEqual(a, b);
  await ask('c');
  await ask('d');
  assert.equal(threads.running, 2);
  assert.equal((await ask('a'))[0], a);
  assert.equal((await ask('b'))[0], b);
});

test('a thread that dies fails what it was asked, and is started anew', async () => {
  make(1);
  const [first] = await ask('a');
  const waiting = ask('b', 7);
  await Promise.all([
    assert.rejects(ask('a', 666), code('INTERNAL')),
    assert.rejects(waiting, code('INTERNAL')),
  ]);
  assert.notEqual((await ask('a'))[0], first);
  assert.equal(threads.running, 1);
});

test('what nobody asks for any more is closed, and a thread that holds nothing ends', async () => {
  make(1, 5);
  await ask('a');
  while (threads.running > 0) await new Promise((resolve) => setTimeout(resolve, 5));
  assert.equal((await ask('b'))[1], 'b');
});

test('of repositories that nobody asks a thread keeps only the last ones open', async () => {
  make(1, 60_000, 2);
  for (const dir of ['a', 'b', 'a', 'c']) await ask(dir);
  assert.equal((await ask('d'))[1], 'a,c,d');
  assert.equal((await ask('b'))[1], 'c,d,b');
});

test('an error comes with its code, and an abort with its reason', async () => {
  make(1);
  await assert.rejects(ask('a', 8), code('VIEW_FOREIGN'));
  const aborter = new AbortController();
  const asked = threads.ask(
    'shown',
    { dir: 'a', format: 'sha1' },
    { epoch: 7, tokens: [] },
    { signal: aborter.signal },
  );
  setImmediate(() => aborter.abort(new RefgateError('SHUTTING_DOWN', 'refgate')));
  await assert.rejects(asked, code('SHUTTING_DOWN'));
});

test('what is asked when all is closed throws', async () => {
  make(1);
  const waiting = ask('a', 7);
  const refused = assert.rejects(waiting, code('INTERNAL'));
  await new Promise((resolve) => setImmediate(resolve));
  await threads.close();
  await refused;
  await assert.rejects(ask('a'), code('INTERNAL'));
  assert.equal(threads.running, 0);
});

test('what a thread had open that was killed is open again at once in the next one', async () => {
  make(1);
  const dir = mkdtempSync(join(tmpdir(), 'refgate-killed-'));
  const repo = { dir, format: 'sha1' } as const;
  const settings = {
    secrets: { ruleFiles: [], defaults: false, fingerprintKey: Buffer.alloc(32) },
    confidence: 'medium',
  } as const;
  const url = new URL('../../../src/app/view-worker.js', import.meta.url);
  try {
    for (let run = 0; run < 2; run++) {
      const thread = new ViewThread(url, settings, 256);
      assert.deepEqual(await thread.ask('shown', repo, { epoch: 1, tokens: ['abcdef0'] }), []);
      const waiting = thread.ask('shown', repo, { epoch: 1, tokens: [] });
      const refused = assert.rejects(waiting, code('INTERNAL'));
      await thread.end();
      await refused;
    }
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
});
