import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { git, initBare, runGit, tempDir } from '../support/git.ts';
import {
  appending,
  blob,
  commit,
  commitLines,
  copy,
  delta,
  entry,
  insert,
  ofsDelta,
  oidOf,
  pack,
  refDelta,
} from '../support/pack-builder.ts';
import { data, fastImport } from '../support/repos.ts';
import { CountingScanner, indexPack, placesOf, token } from './scanned-pack.ts';
import { zipOf } from './secrets/made-zip.ts';

const plainLine = (n: number) => `line ${n} of some text that holds nothing ${(n * 7919) % 1000}`;

/** An edit of the lines of a file, by three numbers. */
type Edit = readonly [kind: number, at: number, value: number];

function apply(lines: readonly string[], [kind, at, value]: Edit): string[] {
  const edited = [...lines];
  const place = at % edited.length;
  const line = edited[place] as string;
  const middle = value % (line.length + 1);
  switch (kind % 9) {
    case 0:
      edited.splice(place, 0, `key = ${token(value)};`);
      break;
    case 1:
      edited.splice(place, 1 + (value % 3));
      break;
    case 2:
      edited[place] = line.slice(0, middle) + line.slice(middle + 1);
      break;
    case 3:
      edited[place] = `${line.slice(0, middle)}x${line.slice(middle)}`;
      break;
    case 4:
      edited[place] = `${line} SAMPLE`;
      break;
    case 5:
      edited[place] = `${line} # refgate:allow`;
      break;
    case 6:
      edited.splice(place, 0, `the pin of the door`, `is: ${String(value).padStart(12, '1')}`);
      break;
    case 7:
      edited.unshift(...edited.splice(place, 40));
      break;
    default:
      edited.push(...edited.slice(place, place + 30), plainLine(value));
  }
  return edited.length === 0 ? [plainLine(value)] : edited;
}

/** Versions of one file, each made from the one before by an edit or two. */
function versionsOf(edits: readonly Edit[]): string[] {
  let lines = Array.from({ length: 500 }, (_, n) => (n % 90 === 5 ? `a ${token(n)}` : plainLine(n)));
  const versions = [lines];
  for (const edit of edits) {
    lines = apply(lines, edit);
    versions.push(lines);
  }
  return [...new Set(versions.map((version) => `${version.join('\n')}\n`))];
}

test('of deltas that git makes the changed parts are searched, and the same is found as in whole blobs', async (t) => {
  const folder = tempDir(t);
  let inRanges = 0;
  let found = 0;
  const number = fc.nat(5000);
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(number, number, number), { minLength: 5, maxLength: 25 }),
      async (edits) => {
        const gitDir = join(folder, `repo-${process.hrtime.bigint()}.git`);
        await initBare(gitDir);
        const versions = versionsOf(edits).map((text) => Buffer.from(text));
        await fastImport(gitDir, versions.map((version) => `blob\n${data(version.toString())}`).join(''));
        const oids = versions.map((version) => oidOf('blob', version));
        const packed = await runGit(['pack-objects', '--stdout', '--quiet', '--window=20', '--depth=20'], {
          cwd: gitDir,
          input: `${oids.map((oid) => `${oid} file`).join('\n')}\n`,
        });
        const scanner = new CountingScanner();
        const indexed = await indexPack(folder, packed.stdoutBytes, scanner);
        inRanges += scanner.inRanges;
        try {
          for (const [i, version] of versions.entries()) {
            const scanned = indexed.scan.blob(oids[i] as string);
            const whole = placesOf(scanner.blob(version));
            assert.deepEqual(placesOf(scanned), whole);
            assert.equal(scanned?.size, version.length);
            assert.deepEqual(scanned?.unscanned, []);
            found += whole.length;
          }
        } finally {
          indexed.close();
        }
      },
    ),
    { numRuns: 12 },
  );
  assert.ok(inRanges > 30, `${inRanges} results were searched in parts`);
  assert.ok(found > 200, `${found} findings`);
});

/** Text around which nothing else is found. */
const filler = (lines: number, from = 0): string =>
  Array.from({ length: lines }, (_, n) => `${plainLine(from + n)}\n`).join('');

test('a secret that a result has from its base alone is found in the result, on its new line', async (t) => {
  const secret = `x = ${token(1)}\n`;
  const base = Buffer.from(filler(1000) + secret + filler(1000, 2000));
  const first = 'one more line\n';
  const result = Buffer.concat([Buffer.from(first), base]);
  const entries = [
    entry('blob', base),
    refDelta(oidOf('blob', base), delta(base.length, result.length, insert(first), copy(0, base.length))),
  ];
  const scanner = new CountingScanner();
  const { scan, close } = await indexPack(tempDir(t), pack(entries), scanner);
  close();
  const [found] = scan.blob(oidOf('blob', result))?.secrets ?? [];
  assert.equal(found?.line, 1002);
  assert.equal(result.toString('latin1', found?.match.start, found?.match.end), token(1));
  assert.deepEqual([scanner.whole, scanner.inRanges], [1, 1]);
});

test('a secret that only joining two copied parts makes is found, and one that is cut is not', async (t) => {
  const half = token(5);
  const left = Buffer.from(`${filler(300)}${half.slice(0, 16)}`);
  const right = Buffer.from(`${half.slice(16)}\n${filler(300, 900)}`);
  const base = Buffer.concat([left, Buffer.from(`\n${token(6)} tail\n`), right]);
  const cutAt = left.length + 6;
  const joined = Buffer.concat([left, right]);
  const torn = Buffer.concat([base.subarray(0, cutAt), base.subarray(cutAt + 5)]);
  const parts = (from: number, to: number) =>
    delta(base.length, base.length - (to - from), copy(0, from), copy(to, base.length - to));
  const baseOid = oidOf('blob', base);
  const bytes = pack([
    entry('blob', base),
    refDelta(baseOid, parts(left.length, base.length - right.length)),
    refDelta(baseOid, parts(cutAt, cutAt + 5)),
  ]);
  const scanner = new CountingScanner();
  const { scan, close } = await indexPack(tempDir(t), bytes, scanner);
  close();
  const values = (content: Buffer) =>
    scan.blob(oidOf('blob', content))?.secrets.map(({ match }) => match.value);
  assert.deepEqual(values(base), [token(6)]);
  assert.deepEqual(values(joined), [half]);
  assert.deepEqual(values(torn), []);
  assert.equal(scanner.inRanges, 2);
});

test('a result whose base is binary, or becomes so, is searched whole', async (t) => {
  const text = Buffer.from(filler(800));
  const binary = Buffer.concat([Buffer.from([0, 1, 2]), text]);
  const scanner = new CountingScanner();
  const more = `${token(3)}\n`;
  const head = Buffer.from([0x50, 0x4b, 3, 4]).toString('latin1');
  const zipped = delta(text.length, text.length + 4, insert(head), copy(0, text.length));
  const bytes = pack([
    entry('blob', binary),
    refDelta(oidOf('blob', binary), appending(binary, more)),
    entry('blob', text),
    refDelta(oidOf('blob', text), zipped),
  ]);
  const { scan, close } = await indexPack(tempDir(t), bytes, scanner);
  close();
  const [found] = scan.blob(oidOf('blob', Buffer.concat([binary, Buffer.from(more)])))?.secrets ?? [];
  assert.equal(found?.match.value, token(3));
  assert.equal(found?.line, undefined);
  assert.equal(scan.blob(oidOf('blob', Buffer.concat([Buffer.from(head, 'latin1'), text])))?.type, 'zip');
  assert.deepEqual([scanner.whole, scanner.inRanges], [4, 0]);
});

test('a result whose base was borrowed is searched whole, and the base is no blob of the pack', async (t) => {
  const base = Buffer.from(`${filler(900)}${token(9)}\n`);
  const baseOid = oidOf('blob', base);
  const scanner = new CountingScanner();
  const { scan, source, order, close } = await indexPack(
    tempDir(t),
    pack([refDelta(baseOid, appending(base, 'end\n'))]),
    scanner,
    async () => [{ oid: baseOid, type: 'blob', content: base }],
  );
  const result = Buffer.concat([base, Buffer.from('end\n')]);
  assert.equal(scan.blob(oidOf('blob', result))?.secrets[0]?.match.value, token(9));
  assert.equal(scan.blob(baseOid), undefined);
  assert.deepEqual([scanner.whole, scanner.inRanges], [1, 0]);
  assert.equal(source.open(order[0] as number), appending(base, 'end\n').length);
  assert.equal(source.open(1), base.length, 'the base is read from the completed pack');
  close();
});

test('a blob that is larger than memory is searched in pieces, stored whole or made by a delta', async (t) => {
  const size = 9 * 1024 * 1024;
  const base = Buffer.alloc(size, 'the same words again\n');
  base.write(`\n${token(4)}\n`, 5_000_000);
  const result = Buffer.concat([base, Buffer.from(`${token(8)}\n`)]);
  const distance = entry('blob', base).length;
  const scanner = new CountingScanner();
  const bytes = pack([entry('blob', base), ofsDelta(distance, appending(base, `${token(8)}\n`))]);
  const { scan, close } = await indexPack(tempDir(t), bytes, scanner);
  close();
  for (const [content, values] of [
    [base, [token(4)]],
    [result, [token(4), token(8)]],
  ] as const) {
    const scanned = scan.blob(oidOf('blob', content));
    assert.deepEqual(
      scanned?.secrets.map(({ match }) => match.value),
      values,
    );
    assert.deepEqual([scanned?.size, scanned?.type], [content.length, 'text']);
  }
  assert.deepEqual([scanner.whole, scanner.inRanges], [0, 0]);
});

test('a large zip is opened in the pack, and one with nothing in it is scanned whole', async (t) => {
  const noise = randomBytes(9 * 1024 * 1024);
  const clean = zipOf([
    { name: 'noise', content: noise },
    { name: 'a.txt', content: Buffer.from('nothing\n') },
  ]);
  const leaking = zipOf([
    { name: 'noise', content: noise },
    { name: 'a.txt', content: Buffer.from(`${token(3)}\n`) },
  ]);
  const bytes = pack([entry('blob', clean), entry('blob', leaking)]);
  const { scan, close } = await indexPack(tempDir(t), bytes, new CountingScanner());
  close();
  const told = [clean, leaking].map((content) => {
    const { type, unscanned, secrets } = scan.blob(oidOf('blob', content)) ?? {};
    return [type, unscanned, secrets?.map(({ match, line }) => [match.value, match.decoded, line])];
  });
  assert.deepEqual(told, [
    ['zip', [], []],
    ['zip', [], [[token(3), ['zip'], undefined]]],
  ]);
});

test('a disk image is told by what stands 33 KiB behind its beginning, whatever its size', async (t) => {
  const images = [40_000, 9 * 1024 * 1024].map((size) => {
    const image = Buffer.alloc(size);
    image.write('CD001', 0x8001);
    return image;
  });
  const bytes = pack(images.map((image) => entry('blob', image)));
  const { scan, close } = await indexPack(tempDir(t), bytes, new CountingScanner());
  close();
  for (const image of images) assert.equal(scan.blob(oidOf('blob', image))?.type, 'iso');
});

test('commits and tags are searched as whole objects, also those that are deltas', async (t) => {
  const gitDir = join(tempDir(t), 'repo.git');
  await initBare(gitDir);
  const message = `why\n\n${token(20)}\n`;
  const who = `Ann <ann@example.com> 1700000000 +0000`;
  await fastImport(
    gitDir,
    `commit refs/heads/main\nmark :1\ncommitter ${who}\n${data(message)}M 100644 inline f\n${data(filler(3))}` +
      `tag v1\nfrom :1\ntagger ${who}\n${data(`tag ${token(21)}\n`)}`,
  );
  const [commitOid, tagOid] = (await git(['rev-parse', 'main', 'v1'], { cwd: gitDir })).split('\n') as [
    string,
    string,
  ];
  const packed = await runGit(['pack-objects', '--stdout', '--all', '--quiet'], { cwd: gitDir, input: '' });
  const plain = await indexPack(tempDir(t), packed.stdoutBytes, new CountingScanner());
  plain.close();
  assert.equal(plain.scan.object(commitOid)[0]?.match.value, token(20));
  assert.equal(plain.scan.object(tagOid)[0]?.match.value, token(21));
  assert.equal(plain.scan.object(tagOid)[0]?.line, 6);
  const base = commit(commitLines(), 'first\n');
  const bytes = pack([entry('commit', base), refDelta(oidOf('commit', base), appending(base, token(22)))]);
  const deltas = await indexPack(tempDir(t), bytes, new CountingScanner());
  deltas.close();
  const oid = oidOf('commit', Buffer.concat([base, Buffer.from(token(22))]));
  assert.equal(deltas.scan.object(oid)[0]?.match.value, token(22));
  assert.deepEqual(deltas.scan.unscanned?.(oid), []);
});

test('beyond the findings that are kept, what comes is said not to be searched', async (t) => {
  const many = Array.from({ length: 120 }, (_, k) =>
    Array.from({ length: 900 }, (_, n) => `${token(k * 1000 + n)}\n`).join(''),
  );
  const last = `${token(7)}\n`;
  const bytes = pack([...many.map((text) => blob(text)), blob(last)]);
  const { scan, close } = await indexPack(tempDir(t), bytes, new CountingScanner());
  close();
  assert.equal(scan.blob(oidOf('blob', Buffer.from(many[0] as string)))?.secrets.length, 900);
  const missed = scan.blob(oidOf('blob', Buffer.from(last)));
  assert.equal(missed?.secrets.length, 0);
  assert.match(missed?.unscanned[0] ?? '', /more than 100000 findings/);
});
