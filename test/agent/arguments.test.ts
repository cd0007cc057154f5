import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readArguments } from '../../src/agent/arguments.ts';
import { RefgateError } from '../../src/domain/error.ts';

const words = ['--socket', 'a.sock', '--data', 'd', '--upstreams', 'u.json'];

test('keys come from files, or from the environment', () => {
  const files = readArguments([...words, '--gateway-key', 'g.pub'], {});
  assert.deepEqual(files.gatewayKey, { file: 'g.pub' });
  assert.equal(files.vaultKey, undefined);
  const environment = readArguments(words, {
    REFGATE_GATEWAY_KEY: 'PEM',
    REFGATE_VAULT_KEY: 'ab'.repeat(32),
  });
  assert.deepEqual(environment.gatewayKey, { text: 'PEM' });
  assert.equal(environment.vaultKey, 'ab'.repeat(32));
});

test('what is missing or unknown is wrong usage, and the text shows the whole form and no value', () => {
  for (const [given, environment] of [
    [words, {}],
    [words.slice(2), { REFGATE_GATEWAY_KEY: 'PEM' }],
    [[...words, '--vault-key', 'x'], { REFGATE_GATEWAY_KEY: 'PEM' }],
  ] as const) {
    assert.throws(
      () => readArguments(given, environment),
      (error: RefgateError) =>
        error instanceof RefgateError &&
        error.code === 'USAGE' &&
        /--socket PATH --data FOLDER/.test(error.message) &&
        !error.message.includes('PEM'),
    );
  }
});
