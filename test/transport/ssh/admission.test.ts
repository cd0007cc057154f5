import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Admission, sourceOf } from '../../../src/transport/ssh/admission.ts';
import { defaultSshLimits, parseMaxStartups, type SshLimits } from '../../../src/transport/ssh/limits.ts';

function admission(limits: Partial<SshLimits>, random = 0) {
  const clock = { now: 0 };
  return {
    clock,
    door: new Admission(
      { ...defaultSshLimits, ...limits },
      () => clock.now,
      () => random,
    ),
  };
}

const isIn = (door: Admission, address: string): boolean => 'place' in door.admit(address);

test('a burst of logins is let in up to the hard limit, and not beyond it', () => {
  const { door } = admission({ maxStartupsPerSource: 100 });
  const let_in = Array.from({ length: 80 }, () => isIn(door, '192.0.2.1'));
  assert.equal(let_in.lastIndexOf(true), 59);
  assert.equal(let_in.indexOf(false), 60);
});

test('logins that linger make new ones be dropped at random, and those that are done do not', () => {
  const { clock, door } = admission({});
  const places = Array.from({ length: 10 }, () => door.admit('192.0.2.1'));
  clock.now = 5_000;
  assert.equal(isIn(door, '192.0.2.2'), false);
  for (const admitted of places) if ('place' in admitted) admitted.place.loggedIn();
  assert.equal(isIn(door, '192.0.2.2'), true);
});

test('a lucky one is let in while logins linger', () => {
  const { clock, door } = admission({}, 0.99);
  for (let n = 0; n < 10; n++) door.admit('192.0.2.1');
  clock.now = 5_000;
  assert.equal(isIn(door, '192.0.2.2'), true);
});

test('one source has a bounded number of logins and connections, others are not touched', () => {
  const { door } = admission({ maxStartupsPerSource: 2, maxConnectionsPerSource: 3 });
  for (const wanted of [true, true, false]) assert.equal(isIn(door, '2001:db8::1'), wanted);
  assert.equal(isIn(door, '2001:db8::ffff'), false);
  assert.equal(isIn(door, '2001:db8:0:1::1'), true);
});

test('a place that is given back is free again', () => {
  const { door } = admission({ maxConnectionsPerSource: 1 });
  const first = door.admit('192.0.2.1');
  assert.equal(isIn(door, '192.0.2.1'), false);
  if ('place' in first) {
    first.place.release();
    first.place.release('authFailed');
  }
  assert.equal(isIn(door, '192.0.2.1'), true);
});

test('penalties add up, are enforced from the threshold on, and pass', () => {
  const { clock, door } = admission({});
  const fail = (address: string): void => {
    const admitted = door.admit(address);
    if ('place' in admitted) admitted.place.release('authFailed');
  };
  for (let n = 0; n < 3; n++) fail('192.0.2.1');
  assert.deepEqual(door.admit('192.0.2.1'), { refused: 'penalty' });
  assert.equal(isIn(door, '192.0.2.2'), true);
  clock.now = 1_000;
  assert.equal(isIn(door, '192.0.2.1'), true);
  for (let n = 0; n < 50; n++) fail('127.0.0.1');
  assert.equal(isIn(door, '127.0.0.1'), true);
});

test('an address stands for its network', () => {
  assert.equal(sourceOf('::ffff:192.0.2.1'), '192.0.2.1');
  assert.equal(sourceOf('2001:db8::1'), '2001:db8:0:0::/64');
  assert.equal(sourceOf('2001:0DB8:0:0:1:2:3:4'), '2001:db8:0:0::/64');
  assert.equal(sourceOf('::1'), '0:0:0:0::/64');
  assert.equal(sourceOf('fe80::1%eth0'), 'fe80:0:0:0::/64');
});

test('maxStartups is start:rate:full, and nothing else', () => {
  assert.deepEqual(parseMaxStartups('10:30:60'), { start: 10, rate: 30, full: 60 });
  for (const text of ['10', '10:30', '10:101:60', '60:30:10', '0:30:60', 'a:b:c', '10:30:60 '])
    assert.throws(() => parseMaxStartups(text), { code: 'CONFIG_INVALID' });
});
