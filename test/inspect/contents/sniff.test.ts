import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { deflateRawSync, gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { fileTypes } from '../../../src/domain/facts.ts';
import { isLfsPointer } from '../../../src/inspect/contents/lfs.ts';
import { sniffType } from '../../../src/inspect/contents/sniff.ts';

const bytes = (text: string): Buffer => Buffer.from(text, 'latin1');
const at = (offset: number, text: string): Buffer => Buffer.concat([Buffer.alloc(offset), bytes(text)]);

const dos = Buffer.alloc(128);
dos.write('MZ');
const portable = Buffer.from(dos);
portable.writeUInt32LE(80, 60);
portable.write('PE', 80);
const far = Buffer.from(dos);
far.writeUInt32LE(1_000_000, 60);

const samples: readonly (readonly [string, Buffer])[] = [
  ['empty', Buffer.alloc(0)],
  ['text', bytes('hello\n')],
  ['text', Buffer.from('\ufeffhello', 'utf16le')],
  ['text', bytes('MZ is how the letter begins')],
  ['text', bytes('ID3, PAR1 and OTTO')],
  ['text', bytes('a\t\r\n and more')],
  ['script', bytes('#!/bin/sh\n')],
  ['binary', bytes('a\0b')],
  ['pe', portable],
  ['pe', far],
  ['dos', dos],
  ['java-class', bytes('\xca\xfe\xba\xbe\0\0\0\x41')],
  ['mach-o', bytes('\xca\xfe\xba\xbe\0\0\0\x02')],
  ['mach-o', bytes('\xcf\xfa\xed\xfe\0')],
  ['wasm', bytes('\0asm\x01\0\0\0')],
  ['zip', bytes('PK\x03\x04\x14\0\0\0')],
  ['jar', bytes('PK\x03\x04\x14\0\0\0META-INF/MANIFEST.MF')],
  ['gzip', gzipSync('x')],
  ['bzip2', bytes('BZh91AY')],
  ['xz', bytes('\xfd7zXZ\0\0')],
  ['tar', at(257, 'ustar\x0000')],
  ['iso', at(0x8001, 'CD001')],
  ['deb', bytes('!<arch>\ndebian-binary   1')],
  ['ar', bytes('!<arch>\n/               1')],
  ['ole2', bytes('\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1')],
  ['webp', bytes('RIFF\x01\0\0\0WEBPVP8 ')],
  ['python-bytecode', bytes('\x6f\x0d\x0d\x0a\0\0\0\0\0\0\0\0')],
  ['binary', Buffer.concat([Buffer.from([0]), deflateRawSync('x')])],
];

for (const [type, content] of samples)
  test(`${JSON.stringify(content.toString('latin1', 0, 24))} is ${type}`, () => {
    assert.equal(sniffType(content, content.length), type);
  });

test('the program that runs this is an elf or mach-o file', () => {
  const head = readFileSync(process.execPath).subarray(0, 8192);
  assert.ok(['elf', 'mach-o'].includes(sniffType(head, 1_000_000)));
});

test('any bytes have one of the types that the policy knows', () => {
  const known: ReadonlySet<string> = new Set(fileTypes);
  fc.assert(
    fc.property(fc.constantFrom(...samples), fc.uint8Array(), fc.nat(60), ([, sample], tail, kept) => {
      const content = Buffer.concat([sample.subarray(0, kept), tail]);
      assert.ok(known.has(sniffType(content, content.length)));
    }),
  );
});

test('a pointer of Git LFS is told from a text about one', () => {
  const pointer = `version https://git-lfs.github.com/spec/v1\noid sha256:${'a'.repeat(64)}\nsize 12\n`;
  assert.equal(isLfsPointer(bytes(pointer)), true);
  assert.equal(isLfsPointer(bytes(`x${pointer}`)), false);
  assert.equal(isLfsPointer(bytes(pointer.replace('sha256', 'md5'))), false);
  assert.equal(isLfsPointer(bytes(pointer + 'x'.repeat(2000))), false);
});
