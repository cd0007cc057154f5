import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import crypto from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, mock, test } from 'node:test';
import { RefgateError } from '../../src/domain/error.ts';
import type { Directory } from '../../src/domain/identity.ts';
import { openDirectory } from '../../src/identity/directory.ts';
import { makeToken } from '../../src/identity/token.ts';
import { type Ledger, openLedger } from '../../src/record/ledger.ts';
import { type Fault, FaultyStore } from '../support/faulty-store.ts';
import { MemoryStore } from '../support/memory-store.ts';
import { QuietLog } from '../support/quiet-log.ts';

const hour = 3_600_000;

const isCoded = (code: string) => (error: unknown) => error instanceof RefgateError && error.code === code;

function makeKeys(count: number): string[] {
  const dir = mkdtempSync(join(tmpdir(), 'refgate-directory-'));
  after(() => rmSync(dir, { recursive: true }));
  return Array.from({ length: count }, (_, n) => {
    const file = join(dir, `key-${n}`);
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', `key-${n}`, '-f', file]);
    return readFileSync(`${file}.pub`, 'utf8');
  });
}

const [keyA = '', keyB = ''] = makeKeys(2);
const blobOf = (line: string): Buffer => Buffer.from(line.split(' ')[1] ?? '', 'base64');

interface Opened {
  readonly directory: Directory;
  readonly ledger: Ledger;
  /** Moves the clock on, in milliseconds. */
  readonly pass: (ms: number) => void;
}

async function open(store: MemoryStore | FaultyStore = new MemoryStore()): Promise<Opened> {
  let now = Date.UTC(2026, 0, 1);
  const clock = () => now;
  const ledger = await openLedger({ store, clock, log: new QuietLog() });
  const directory = await openDirectory({ store, recorder: ledger, clock });
  const pass = (ms: number) => {
    now += ms;
  };
  return { directory, ledger, pass };
}

const person = (name: string) => ({ name, kind: 'person', groups: ['Dev'], role: 'user' }) as const;

async function openWithAlice(store?: MemoryStore | FaultyStore): Promise<Opened> {
  const opened = await open(store);
  await opened.directory.addUser(person('alice'), 'operator');
  return opened;
}

/** Everything that administrators can see. */
async function everything(directory: Directory): Promise<unknown> {
  return [await directory.users(), await directory.keys(), await directory.tokens()];
}

test('a registered key is its user, and nobody else’s', async () => {
  const { directory } = await openWithAlice();
  await directory.addUser(person('bob'), 'operator');
  const key = await directory.addKey('alice', keyA, 'operator');
  assert.deepEqual(await directory.byPublicKey(blobOf(keyA)), {
    user: 'alice',
    kind: 'person',
    groups: ['dev'],
    credential: { type: 'ssh-key', id: key.fingerprint },
  });
  assert.equal(await directory.byPublicKey(blobOf(keyB)), undefined);
  assert.equal(await directory.byPublicKey(Buffer.alloc(0)), undefined);
  await assert.rejects(directory.addKey('bob', keyA, 'operator'), isCoded('CONFLICT'));
  await assert.rejects(directory.addKey('alice', keyA, 'operator'), isCoded('CONFLICT'));
});

test('two who register one key at the same moment do not both get it', async () => {
  const { directory } = await openWithAlice();
  await directory.addUser(person('bob'), 'operator');
  const both = ['alice', 'bob'].map((user) => directory.addKey(user, keyA, 'operator'));
  const results = await Promise.allSettled(both);
  assert.deepEqual(
    results.map((result) => result.status),
    ['fulfilled', 'rejected'],
  );
  assert.equal((await directory.keys()).length, 1);
});

test('a key that was removed is dead at once, and can be registered again', async () => {
  const { directory } = await openWithAlice();
  const { fingerprint } = await directory.addKey('alice', keyA, 'operator');
  const principal = await directory.byPublicKey(blobOf(keyA));
  assert.ok(principal && (await directory.stillValid(principal)));
  await directory.removeKey('alice', fingerprint, 'operator');
  assert.equal(await directory.byPublicKey(blobOf(keyA)), undefined);
  assert.equal(await directory.stillValid(principal), false);
  await directory.addUser(person('bob'), 'operator');
  await directory.addKey('bob', keyA, 'operator');
  assert.equal(await directory.stillValid(principal), false);
});

test('a token is its owner until it expires', async () => {
  const { directory, pass } = await openWithAlice();
  const { token, record } = await directory.createToken('alice', hour, 'operator');
  const principal = await directory.byToken('alice', token);
  assert.deepEqual(principal?.credential, { type: 'token', id: record.id });
  assert.equal(record.expiresAt, '2026-01-01T01:00:00.000Z');
  pass(hour - 1);
  assert.ok(principal && (await directory.stillValid(principal)));
  pass(1);
  assert.equal(await directory.byToken('alice', token), undefined);
  assert.equal(await directory.stillValid(principal), false);
});

test('a token with another user, changed, unknown or revoked is nobody', async () => {
  const { directory } = await openWithAlice();
  await directory.addUser(person('bob'), 'operator');
  const { token, record } = await directory.createToken('alice', hour, 'operator');
  const principal = await directory.byToken('alice', token);
  for (const user of ['bob', '', 'Alice', 'nobody'])
    assert.equal(await directory.byToken(user, token), undefined);
  for (const text of ['', makeToken(), `${token} `, token.toLowerCase(), record.id]) {
    assert.equal(await directory.byToken('alice', text), undefined);
    assert.equal(await directory.byToken('', text), undefined);
  }
  await directory.revokeToken(record.id, 'operator');
  assert.equal(await directory.byToken('alice', token), undefined);
  assert.ok(principal);
  assert.equal(await directory.stillValid(principal), false);
  assert.equal((await directory.tokens('alice'))[0]?.revokedAt, '2026-01-01T00:00:00.000Z');
});

test('when a user is disabled every credential is dead at once', async () => {
  const { directory } = await openWithAlice();
  await directory.addKey('alice', keyA, 'operator');
  const { token } = await directory.createToken('alice', hour, 'operator');
  const principals = [await directory.byPublicKey(blobOf(keyA)), await directory.byToken('alice', token)];
  await directory.disableUser('alice', 'operator');
  assert.equal(await directory.byPublicKey(blobOf(keyA)), undefined);
  assert.equal(await directory.byToken('alice', token), undefined);
  for (const principal of principals)
    assert.equal(principal && (await directory.stillValid(principal)), false);
  await assert.rejects(directory.addKey('alice', keyB, 'operator'), isCoded('CONFLICT'));
  await assert.rejects(directory.createToken('alice', hour, 'operator'), isCoded('CONFLICT'));
});

test('unknown names are NOT_FOUND, taken ones CONFLICT, bad input USAGE', async () => {
  const { directory } = await openWithAlice();
  const { fingerprint } = await directory.addKey('alice', keyA, 'operator');
  await directory.addUser(person('bob'), 'operator');
  const cases: readonly (readonly [Promise<unknown>, string])[] = [
    [directory.addUser(person('alice'), 'operator'), 'CONFLICT'],
    [directory.addUser(person('Alice'), 'operator'), 'USAGE'],
    [directory.disableUser('nobody', 'operator'), 'NOT_FOUND'],
    [directory.addKey('nobody', keyB, 'operator'), 'NOT_FOUND'],
    [directory.addKey('alice', 'hello', 'operator'), 'USAGE'],
    [directory.keys('nobody'), 'NOT_FOUND'],
    [directory.removeKey('bob', fingerprint, 'operator'), 'NOT_FOUND'],
    [directory.removeKey('nobody', fingerprint, 'operator'), 'NOT_FOUND'],
    [directory.createToken('nobody', hour, 'operator'), 'NOT_FOUND'],
    [directory.createToken('alice', 1, 'operator'), 'USAGE'],
    [directory.createToken('alice', Number.NaN, 'operator'), 'USAGE'],
    [directory.tokens('nobody'), 'NOT_FOUND'],
    [directory.revokeToken('tok-x', 'operator'), 'NOT_FOUND'],
  ];
  for (const [call, code] of cases) await assert.rejects(call, isCoded(code), code);
});

test('opened again, the directory is what it was', async () => {
  const store = new MemoryStore();
  const { directory } = await openWithAlice(store);
  await directory.addUser({ name: 'copilot-web', kind: 'service', groups: [], role: 'user' }, 'operator');
  await directory.addKey('alice', keyA, 'operator');
  const { token } = await directory.createToken('alice', hour, 'operator');
  await directory.disableUser('copilot-web', 'operator');
  const again = (await open(store)).directory;
  assert.deepEqual(await everything(again), await everything(directory));
  assert.equal((await again.byToken('alice', token))?.user, 'alice');
  assert.equal((await again.byPublicKey(blobOf(keyA)))?.user, 'alice');
});

test('the store never holds a token', async () => {
  const store = new MemoryStore();
  const { directory } = await openWithAlice(store);
  const { token } = await directory.createToken('alice', hour, 'operator');
  const all = Buffer.concat([...store.rows.values()]).toString('latin1');
  assert.equal(all.includes(token.slice(4, 40)), false);
});

test('unknown users, unknown tokens and malformed tokens cost the same work as a right one', async () => {
  const { directory } = await openWithAlice();
  const { token } = await directory.createToken('alice', hour, 'operator');
  await directory.addKey('alice', keyA, 'operator');
  const work = [mock.method(crypto, 'createHash'), mock.method(crypto, 'timingSafeEqual')];
  syncBuiltinESMExports();
  const count = async (call: () => Promise<unknown>): Promise<number[]> => {
    for (const spy of work) spy.mock.resetCalls();
    await call();
    return work.map((spy) => spy.mock.callCount());
  };
  try {
    const right = await count(() => directory.byToken('alice', token));
    assert.deepEqual(right, [3, 2]);
    for (const [user, text] of [
      ['alice', makeToken()],
      ['nobody', token],
      ['nobody', makeToken()],
      ['alice', ''],
      ['', 'x'.repeat(53)],
    ] as const) {
      assert.deepEqual(await count(() => directory.byToken(user, text)), right);
    }
    const bearer = await count(() => directory.byBearer(token));
    for (const text of [makeToken(), '', 'x'.repeat(53)])
      assert.deepEqual(await count(() => directory.byBearer(text)), bearer);
    const known = await count(() => directory.byPublicKey(blobOf(keyA)));
    assert.deepEqual(await count(() => directory.byPublicKey(blobOf(keyB))), known);
  } finally {
    mock.restoreAll();
    syncBuiltinESMExports();
  }
});

/** Every change, each made on a directory with alice, one key and one token. */
const changes: Readonly<Record<string, (directory: Directory) => Promise<unknown>>> = {
  addUser: (directory) => directory.addUser(person('bob'), 'operator'),
  changeUser: (directory) => directory.changeUser('alice', { role: 'reviewer' }, 'operator'),
  disableUser: (directory) => directory.disableUser('alice', 'operator'),
  addKey: (directory) => directory.addKey('alice', keyB, 'operator'),
  removeKey: async (directory) => {
    const [key] = await directory.keys();
    await directory.removeKey('alice', key?.fingerprint ?? '', 'operator');
  },
  createToken: (directory) => directory.createToken('alice', hour, 'operator'),
  revokeToken: async (directory) => {
    const [token] = await directory.tokens();
    await directory.revokeToken(token?.id ?? '', 'operator');
  },
};

for (const [name, change] of Object.entries(changes)) {
  for (const fault of ['failed', 'failed but persisted'] satisfies Fault[]) {
    test(`when the write of ${name} has ${fault}, nothing changes; after a restart event and change agree`, async () => {
      const disk = new MemoryStore();
      const { directory, ledger } = await openWithAlice(new FaultyStore(disk, 3, fault));
      await directory.addKey('alice', keyA, 'operator');
      await directory.createToken('alice', hour, 'operator');
      const before = await everything(directory);
      await assert.rejects(change(directory), isCoded('LEDGER_UNAVAILABLE'));
      assert.deepEqual(await everything(directory), before);
      assert.equal((await ledger.head()).size, 3);

      const again = await open(disk);
      const persisted = fault === 'failed but persisted';
      assert.equal((await again.ledger.head()).size, persisted ? 4 : 3);
      if (persisted) assert.notDeepEqual(await everything(again.directory), before);
      else assert.deepEqual(await everything(again.directory), before);
    });
  }
}
