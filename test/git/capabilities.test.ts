import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Capabilities } from '../../src/git/capabilities.ts';

test('names, values and repeated names are kept apart', () => {
  const can = Capabilities.parse(
    ' multi_ack symref=HEAD:refs/heads/main symref=A:B agent=git/2.39 x=',
    'client',
  );
  assert.deepEqual(can.names(), ['multi_ack', 'symref', 'agent', 'x']);
  assert.equal(can.get('multi_ack'), '');
  assert.equal(can.get('symref'), 'HEAD:refs/heads/main');
  assert.deepEqual(can.all('symref'), ['HEAD:refs/heads/main', 'A:B']);
  assert.equal(can.get('agent'), 'git/2.39');
  assert.equal(can.get('none'), undefined);
  assert.deepEqual(can.all('none'), []);
  assert.equal(can.has('__proto__'), false);
});

test('control characters are refused, and blame the peer', () => {
  assert.throws(() => Capabilities.parse('a\nb', 'client'), { code: 'PROTOCOL_ERROR' });
  assert.throws(() => Capabilities.parse('a\0b', 'upstream'), { code: 'UPSTREAM_PROTOCOL' });
});
