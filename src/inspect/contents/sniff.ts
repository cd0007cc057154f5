import type { FileType } from '../../domain/facts.ts';

interface Magic {
  readonly type: FileType;
  readonly at: number;
  readonly bytes: Buffer;
  /** A second look where the magic is not enough. */
  readonly also?: (head: Buffer) => boolean;
}

const magic = (type: FileType, bytes: string, at = 0, also?: Magic['also']): Magic => ({
  type,
  at,
  bytes: Buffer.from(bytes, 'latin1'),
  ...(also === undefined ? {} : { also }),
});

/** A DOS program that says where its PE header is; one beyond what is seen is believed. */
function isPortable(head: Buffer): boolean {
  if (head.length < 64) return false;
  const at = head.readUInt32LE(60);
  return at + 2 > head.length ? !isText(head) : head.toString('latin1', at, at + 2) === 'PE';
}

/** For magic that is letters: a text may begin so, too. */
const isNoText = (head: Buffer): boolean => !isText(head);

/** Java classes and universal Mach-O begin alike; the version of a class is 45 or more, the count of parts is small. */
const isClass = (head: Buffer): boolean => head.length >= 8 && head.readUInt16BE(6) >= 45;

/** The high byte of the numbers of Python 2.5 to 3.x. */
const pythonMarks: ReadonlySet<number> = new Set([0x0b, 0x0c, 0x0d, 0x0e, 0xf2, 0xf3]);

const isRiff = (kind: string) => (head: Buffer) => head.toString('latin1', 8, 12) === kind;
const brandOf = (head: Buffer): string => head.toString('latin1', 8, 12);

/** The first that fits wins. Magic numbers as file(1) and the formats' own papers give them. */
const magics: readonly Magic[] = [
  magic('elf', '\x7fELF'),
  magic('pe', 'MZ', 0, isPortable),
  magic('dos', 'MZ', 0, isNoText),
  magic('java-class', '\xca\xfe\xba\xbe', 0, isClass),
  ...['\xfe\xed\xfa\xce', '\xfe\xed\xfa\xcf', '\xce\xfa\xed\xfe', '\xcf\xfa\xed\xfe', '\xca\xfe\xba\xbe'].map(
    (bytes) => magic('mach-o', bytes),
  ),
  magic('wasm', '\0asm'),
  magic('dex', 'dex\n'),
  magic('llvm-bitcode', 'BC\xc0\xde'),
  magic('python-bytecode', '\r\n', 2, (head) => pythonMarks.has(head[1] ?? 0) && isNoText(head)),
  magic('lua-bytecode', '\x1bLua'),
  magic('ar', '!<arch>\n', 0, (head) => head.toString('latin1', 8, 21) !== 'debian-binary'),
  magic('deb', '!<arch>\n'),
  magic('rpm', '\xed\xab\xee\xdb'),
  magic('jar', 'PK\x03\x04', 0, (head) => head.subarray(0, 256).includes('META-INF/')),
  magic('zip', 'PK\x03\x04'),
  magic('zip', 'PK\x05\x06'),
  magic('zip', 'PK\x07\x08'),
  magic('gzip', '\x1f\x8b'),
  magic('bzip2', 'BZh', 0, (head) => (head[3] ?? 0) >= 0x31 && (head[3] ?? 0) <= 0x39),
  magic('xz', '\xfd7zXZ\0'),
  magic('zstd', '\x28\xb5\x2f\xfd'),
  magic('lz4', '\x04\x22\x4d\x18'),
  magic('7z', '7z\xbc\xaf\x27\x1c'),
  magic('rar', 'Rar!\x1a\x07'),
  magic('cab', 'MSCF\0\0\0\0'),
  magic('xar', 'xar!'),
  magic('tar', 'ustar', 257),
  magic('cpio', '07070', 0, (head) => [0x31, 0x32, 0x37].includes(head[5] ?? 0)),
  magic('squashfs', 'hsqs', 0, isNoText),
  magic('iso', 'CD001', 0x8001),
  magic('pdf', '%PDF-'),
  magic('postscript', '%!PS'),
  magic('rtf', '{\\rtf'),
  magic('ole2', '\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1'),
  magic('sqlite', 'SQLite format 3\0'),
  magic('parquet', 'PAR1', 0, isNoText),
  magic('java-keystore', '\xfe\xed\xfe\xed'),
  magic('png', '\x89PNG\r\n\x1a\n'),
  magic('jpeg', '\xff\xd8\xff'),
  magic('gif', 'GIF87a'),
  magic('gif', 'GIF89a'),
  magic('webp', 'RIFF', 0, isRiff('WEBP')),
  magic('wav', 'RIFF', 0, isRiff('WAVE')),
  magic('avi', 'RIFF', 0, isRiff('AVI ')),
  magic('bmp', 'BM', 0, (head) => head.length >= 18 && head.readUInt32LE(6) === 0),
  magic('tiff', 'II*\0'),
  magic('tiff', 'MM\0*'),
  magic('ico', '\0\0\x01\0', 0, (head) => head.length >= 22 && head[5] === 0 && head[9] === 0),
  magic('psd', '8BPS', 0, isNoText),
  magic('avif', 'ftyp', 4, (head) => /^avi[fs]$/.test(brandOf(head))),
  magic('heic', 'ftyp', 4, (head) => /^(hei[cxms]|hev[cx]|mif1|msf1)$/.test(brandOf(head))),
  magic('mp4', 'ftyp', 4, isNoText),
  magic('mp3', 'ID3', 0, isNoText),
  magic('flac', 'fLaC', 0, isNoText),
  magic('ogg', 'OggS', 0, isNoText),
  magic('matroska', '\x1a\x45\xdf\xa3'),
  magic('woff', 'wOFF', 0, isNoText),
  magic('woff2', 'wOF2', 0, isNoText),
  magic('font', '\0\x01\0\0\0'),
  magic('font', 'OTTO', 0, isNoText),
  magic('git-pack', 'PACK\0\0\0\x02'),
];

/**
 * The type of a file by its first bytes, one of `fileTypes`; the name does not count.
 * @param head the first bytes, as many as there are: 512 tell most types, `iso` needs 33 KiB.
 * @param size of the whole file, in bytes.
 */
export function sniffType(head: Buffer, size: number): FileType {
  if (size === 0 || head.length === 0) return 'empty';
  const first = head[0] as number;
  if (first === 0x23 && head[1] === 0x21) return 'script';
  for (const { type, at, bytes, also } of candidates[first] as readonly Magic[]) {
    if (head.length < at + bytes.length) continue;
    if (head.compare(bytes, 0, bytes.length, at, at + bytes.length) !== 0) continue;
    if (also === undefined || also(head)) return type;
  }
  return isText(head) ? 'text' : 'binary';
}

/** By the first byte, so that text is not compared with every magic. */
const candidates: readonly (readonly Magic[])[] = Array.from({ length: 256 }, (_, byte) =>
  magics.filter(({ at, bytes }) => at > 0 || bytes[0] === byte),
);

/** How far git looks for a NUL before it calls content binary. */
const textBytes = 8000;

/** UTF-16 with a mark is text; otherwise content without a NUL is, as git has it. */
function isText(head: Buffer): boolean {
  if ((head[0] === 0xff && head[1] === 0xfe) || (head[0] === 0xfe && head[1] === 0xff)) return true;
  const nul = head.indexOf(0);
  return nul < 0 || nul >= textBytes;
}
