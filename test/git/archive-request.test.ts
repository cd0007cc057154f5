import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { RefgateError } from '../../src/domain/error.ts';
import { formatArchiveRequest, readArchiveRequest } from '../../src/git/archive-request.ts';
import { encodePkt, flushPkt, PktReader } from '../../src/git/pkt-line.ts';

const limits = { lines: 100, bytes: 100_000 };

function read(bytes: Buffer): Promise<readonly string[]> {
  const source = (async function* () {
    yield bytes;
  })();
  return readArchiveRequest(new PktReader(source, 'client'), limits);
}

const ask = (...args: string[]): Promise<readonly string[]> => read(formatArchiveRequest(args));

test('what git archive sends for a ref and paths comes through as it was', async () => {
  for (const args of [
    ['main'],
    ['--format=tar.gz', '-9', '--prefix=web-1.0/', 'refs/tags/v1.0', 'src', 'docs/*.md'],
    ['HEAD:src', '--format=zip'],
    ['--list'],
  ])
    assert.deepEqual(await ask(...args), args);
});

test('everything else is refused with a code', async () => {
  const oid = '1'.repeat(40);
  const requests = [
    [],
    ['--output=x', 'main'],
    ['--add-file=/etc/passwd', 'main'],
    ['--format=tar.xz', 'main'],
    ['--prefix=/etc/', 'main'],
    ['--prefix=a/../../', 'main'],
    ['--', 'main'],
    ['-v', 'main'],
    [oid],
    [`${oid}:src`],
    ['main~1'],
    ['main^{tree}'],
    ['main@{1}'],
    ['a..b'],
    [':/message'],
    ['main', ':(attr:x)'],
    ['main', ''],
    ['main', '--exec=x'],
    Array.from({ length: 64 }, () => 'main'),
    ['main', 'x'.repeat(2_000)],
  ];
  for (const args of requests) await assert.rejects(ask(...args), { blame: 'client' }, JSON.stringify(args));
});

test('a request that breaks off, or holds other lines, is an error with a code', async () => {
  const line = encodePkt('argument main\n');
  await assert.rejects(read(line), { code: 'HUNG_UP' });
  await assert.rejects(read(Buffer.concat([line, Buffer.from('0001')])), { code: 'PKT_UNEXPECTED' });
  await assert.rejects(read(Buffer.concat([encodePkt('want main\n'), flushPkt])), { code: 'PROTOCOL_ERROR' });
});

test('any arguments are taken as they are, or refused with a code', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.string({ maxLength: 40 }), { maxLength: 6 }), async (args) => {
      try {
        assert.deepEqual(await ask(...args), args);
      } catch (error) {
        assert.ok(error instanceof RefgateError && error.blame === 'client', String(error));
      }
    }),
  );
});
