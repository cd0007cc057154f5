/**
 * Attack: a secret that a delta completes far away from where it begins.
 * 1. Of a blob that a delta makes, only what it inserts is searched, with what is around it.
 * 2. Mallory makes a pack by hand. One blob holds a private key of 13 kilobytes, from which an ellipsis takes three characters: it is none.
 * 3. A second blob is a delta of the first that copies all of it but the ellipsis, nine kilobytes behind
 *    the line by which such keys are found.
 * How far the rules look whose keywords are in a blob is remembered, and deltas of it are searched as far.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createScanner } from '../../src/inspect/thread-scanner.ts';
import { indexPack } from '../inspect/scanned-pack.ts';
import { tempDir } from '../support/git.ts';
import { copy, delta, entry, insert, oidOf, pack, refDelta } from '../support/pack-builder.ts';

const filler = 'nothing to see in this line\n'.repeat(1000);

test('a secret is found that begins kilobytes before the byte that completes it', async (t) => {
  const size = 9600;
  const noise = Buffer.from(Array.from({ length: size }, (_, i) => (i * i * 7 + i * 13) % 251));
  const der = Buffer.concat([Buffer.of(0x30, 0x82, size >> 8, size & 255, 2, 1, 0), noise.subarray(3)]);
  const lines = der.toString('base64').replace(/.{64}/g, '$&\n');
  const label = ['RSA', 'PRIVATE', 'KEY'].join(' ');
  const whole = Buffer.from(`${filler}-----BEGIN ${label}-----\n${lines}\n-----END ${label}-----\n${filler}`);
  const place = filler.length + 9300;
  const broken = Buffer.concat([whole.subarray(0, place), Buffer.from('...'), whole.subarray(place + 3)]);
  const mended = delta(
    broken.length,
    whole.length,
    copy(0, place),
    insert(whole.toString('latin1', place, place + 3)),
    copy(place + 3, whole.length - place - 3),
  );
  const { scanner } = createScanner({ ruleFiles: [], defaults: true, fingerprintKey: Buffer.alloc(32, 1) });
  const bytes = pack([entry('blob', broken), refDelta(oidOf('blob', broken), mended)]);
  const { scan, close } = await indexPack(tempDir(t), bytes, scanner);
  t.after(close);
  const rules = (content: Buffer) =>
    scan.blob(oidOf('blob', content))?.secrets.map(({ match }) => match.rule.id);
  assert.deepEqual(rules(broken), []);
  assert.deepEqual(rules(whole), ['private-key']);
});
