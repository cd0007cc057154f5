/**
 * The gateway never holds a credential of an upstream: not in its memory, its
 * environment, its files or its log, whatever it was used for. The agent does,
 * which shows that the search finds what is there.
 */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, test } from 'node:test';
import { git } from '../support/git.ts';
import { findInMemory, isMemoryClosed } from '../support/process-memory.ts';
import type { Refgate } from '../support/refgate.ts';
import { agentOf, endsWithFile } from './scene.ts';
import { type Behind, behindThree } from './three-upstreams.ts';

const file = endsWithFile();
let behind: Behind;
let refgate: Refgate;
let credentials: ReadonlyMap<string, Buffer>;

before(async () => {
  behind = await behindThree(file);
  const { scene, deployKeyFile, password } = behind;
  refgate = await scene.start();
  // Once more, with this process in the middle of it.
  await refgate.ok(['deploy-key', 'remove', '--upstream', 'sshd']);
  await refgate.ok(['deploy-key', 'import', '--upstream', 'sshd', '--file', deployKeyFile]);
  const login = ['--user', 'machine', '--password-file', '-'];
  await refgate.ok(['upstream', 'credential', 'web', ...login], `${password}\n`);
  await refgate.ok(['deploy-key', 'list']);
  credentials = credentialsOf(deployKeyFile, password);
  for (const name of ['ssh-web', 'http-web']) {
    scene.makeRepo(name);
    await git(['clone', '--quiet', scene.url(refgate, name), join(scene.base, name)]);
    const push = await scene.push(refgate, name);
    assert.equal(push.status, 0, push.stderr);
    const again = scene.startPush(refgate, name, 'ssh');
    assert.equal((await again.ended).status, 0);
    await refgate.cli(['upstream', 'check', `acme/${name}`]);
  }
});

/** Each credential in each form in which it might lie around. */
function credentialsOf(keyFile: string, password: string): ReadonlyMap<string, Buffer> {
  const lines = readFileSync(keyFile, 'latin1').trim().split('\n').slice(1, -1);
  const blob = Buffer.from(lines.join(''), 'base64');
  const publicLine = readFileSync(`${keyFile}.pub`, 'latin1').split(' ')[1] ?? '';
  const publicKey = Buffer.from(publicLine, 'base64').subarray(-32);
  // The private half of openssh-key-v1 ends with the seed and the public key.
  const at = blob.lastIndexOf(publicKey);
  const seed = blob.subarray(at - 32, at);
  const login = Buffer.from(`machine:${password}`).toString('base64');
  return new Map([
    // The first lines hold the public half.
    ['line of the PEM body', Buffer.from(lines[3] ?? '', 'latin1')],
    ['seed', Buffer.from(seed)],
    ['seed in hex', Buffer.from(seed.toString('hex'))],
    ['seed in base64', Buffer.from(seed.toString('base64').replace(/=+$/, ''))],
    ['seed in base64url', Buffer.from(seed.toString('base64url'))],
    ['password', Buffer.from(password)],
    ['password in UTF-16', Buffer.from(password, 'utf16le')],
    ['login in base64', Buffer.from(login.slice(0, -4))],
  ]);
}

test("the gateway's memory holds no credential; the agent's memory does", (t) => {
  const agent = agentOf(refgate);
  const reason = isMemoryClosed(refgate.pid) || isMemoryClosed(agent);
  if (reason !== false) return t.skip(reason);
  const control = new Map([['what the gateway does hold', Buffer.from('acme/ssh-web')]]);
  assert.equal(findInMemory(refgate.pid, control).size, 1);
  assert.deepEqual([...findInMemory(refgate.pid, credentials)], []);
  const held = findInMemory(agent, credentials);
  assert.ok(held.has('password'), 'the agent has the password');
  assert.ok(held.has('seed') || held.has('line of the PEM body'), 'the agent has the key');
});

test('no process shows a credential in its environment or on its command line', () => {
  for (const pid of [refgate.pid, agentOf(refgate)])
    for (const name of ['environ', 'cmdline']) assertWithout(name, readFileSync(`/proc/${pid}/${name}`));
});

test('no file of the server holds a credential in the clear, and neither does its log', () => {
  const files = readdirSync(behind.scene.dir, { recursive: true, withFileTypes: true }).filter((one) =>
    one.isFile(),
  );
  assert.ok(files.some((one) => one.parentPath.endsWith('/data/agent')));
  for (const one of files) assertWithout(one.name, readFileSync(join(one.parentPath, one.name)));
  assertWithout('the log', Buffer.from(refgate.log()));
});

function assertWithout(where: string, bytes: Buffer): void {
  for (const [name, needle] of credentials) assert.ok(!bytes.includes(needle), `${where} holds the ${name}`);
}
