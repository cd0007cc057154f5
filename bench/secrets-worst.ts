/**
 * Searches for the blob that takes the scanner longest, as whoever pushes
 * might: every keyword of the default rules over and over, with what may follow
 * it; every sample of a rule, whole and short of its last character; then the
 * slowest of these together, and wrapped. Prints the slowest at 1 MiB.
 *
 *   node dist/bench/secrets-worst.js [HOW MANY OF THE SLOWEST]
 */
import { deflateRawSync, gzipSync } from 'node:zlib';
import { defaultRules, readDefaultRules } from '../src/inspect/secrets/rules/load-rules.ts';
import { expandTemplate } from '../src/inspect/secrets/rules/template.ts';
import { seededRandom } from '../src/inspect/secrets/rules/token-sample.ts';
import { Scanner } from '../src/inspect/secrets/scanner.ts';

interface Atom {
  readonly name: string;
  readonly text: Buffer;
}

interface Timed extends Atom {
  readonly ms: number;
}

const mebibyte = 1024 * 1024;
const probeBytes = 8 * 1024;
const scanner = new Scanner(defaultRules());
const random = seededRandom(1);

function fill(text: Buffer, bytes: number): Buffer {
  return Buffer.alloc(bytes, text.length === 0 ? ' ' : text);
}

function time(data: Buffer, rounds = 1): number {
  let best = Number.POSITIVE_INFINITY;
  for (let n = 0; n < rounds; n++) {
    const start = performance.now();
    scanner.scan(data);
    best = Math.min(best, performance.now() - start);
  }
  return best;
}

const atom = (name: string, text: string): Atom => ({ name, text: Buffer.from(text, 'latin1') });

const fillers = ['', ' ', '"', '="', ': ', '\n', '-', 'A', 'a1', '://', '.', '_', '\\'];
const tails = ['a', '1', 'A1b2', '/', '.', '-', '_', ' ', '="a', ':'];

function* keywordAtoms(): Generator<Atom> {
  const keywords = new Set(defaultRules().flatMap((rule) => rule.keywords));
  for (const keyword of keywords) {
    for (const filler of fillers) yield atom(`${keyword} ${filler}`, keyword + filler);
    for (const tail of tails)
      yield atom(`${keyword} and 300 bytes of ${tail}`, keyword + tail.repeat(300 / tail.length));
  }
}

function* sampleAtoms(): Generator<Atom> {
  const entries = readDefaultRules().map(({ entry }) => entry);
  const byId = new Map(entries.map((entry) => [entry.id, entry]));
  for (const entry of entries) {
    for (const template of [...(entry.true ?? []), ...(entry.false ?? [])]) {
      const partner = entry.partner === undefined ? undefined : byId.get(entry.partner);
      const text = expandTemplate(template, entry, random, partner);
      yield atom(`${entry.id} whole`, `${text}\n`);
      yield atom(`${entry.id} without line`, text);
      yield atom(`${entry.id} short`, text.slice(0, -2));
    }
  }
}

function* structureAtoms(): Generator<Atom> {
  for (const text of [
    '%4',
    '%41',
    '\\u0041',
    '\\x41',
    '\\":',
    '&#65;',
    '&quot;',
    '0x41,',
    '=3d',
    'a=\nb',
    'A\0',
    '\x1f\x8b\x08\0\0\0\0\0\0\x03',
  ]) {
    yield atom(`structure ${JSON.stringify(text)}`, text);
  }
  const zip = Buffer.alloc(30);
  zip.write('PK\x03\x04');
  zip.writeUInt16LE(8, 8);
  yield { name: 'tiny zip entries', text: Buffer.concat([zip, deflateRawSync('a')]) };
  yield { name: 'tiny gzip members', text: gzipSync('a') };
  yield { name: 'gzip members apart', text: Buffer.concat([gzipSync('a'), Buffer.from('x')]) };
}

const wrappings: readonly (readonly [string, (text: Buffer) => Buffer])[] = [
  ['base64', (text) => Buffer.from(text.toString('base64').replace(/=+$/, ''))],
  ['hex', (text) => Buffer.from(text.toString('hex'))],
  [
    'escaped',
    (text) => Buffer.from([...text].map((byte) => `\\u00${byte.toString(16).padStart(2, '0')}`).join('')),
  ],
  [
    'percent',
    (text) => Buffer.from([...text].map((byte) => `%${byte.toString(16).padStart(2, '0')}`).join('')),
  ],
  ['utf-16', (text) => Buffer.from(text.toString('latin1'), 'utf16le')],
];

function whole(list: readonly Atom[]): Timed[] {
  return list
    .map(({ name, text }) => ({ name, text, ms: time(fill(text, mebibyte), 2) }))
    .sort((a, b) => b.ms - a.ms);
}

const keep = Number(process.argv[2] ?? 12);
const slowest: Timed[] = [];
for (const atoms of [keywordAtoms(), sampleAtoms(), structureAtoms()]) {
  for (const { name, text } of atoms) {
    const data = fill(text, probeBytes);
    let ms = time(data);
    if (ms > (slowest.at(-1)?.ms ?? 0)) ms = time(data, 3);
    slowest.push({ name, text, ms });
    slowest.sort((a, b) => b.ms - a.ms).splice(keep * 3);
  }
}
const single = whole(slowest).slice(0, keep);
const mixed = single.flatMap((a, n) =>
  single
    .slice(n + 1, n + 3)
    .map((b) => ({ name: `${a.name} + ${b.name}`, text: Buffer.concat([a.text, b.text]) })),
);
const wrapped = wrappings.flatMap(([name, wrap]) => {
  const inner = single
    .slice(0, 3)
    .map((one) => ({ name: `${one.name} in ${name}`, text: wrap(fill(one.text, 49_152)) }));
  const twice = single
    .slice(0, 1)
    .map((one) => ({
      name: `${one.name} in ${name} in base64`,
      text: Buffer.from(wrap(fill(one.text, 49_152)).toString('base64')),
    }));
  return [...inner, ...twice];
});
const packed = single.slice(0, 3).map((one) => {
  const gzip = gzipSync(fill(one.text, 16 * mebibyte));
  return {
    name: `${one.name} in gzip`,
    text: Buffer.concat([gzip, Buffer.alloc(Math.max(0, mebibyte - gzip.length))]),
  };
});
const worst = [...single, ...whole([...mixed, ...wrapped, ...packed])].sort((a, b) => b.ms - a.ms);
for (const { name, text, ms } of worst.slice(0, keep)) {
  const { unscanned, matches } = scanner.scan(fill(text, mebibyte));
  process.stdout.write(
    `${ms.toFixed(0)} ms  ${matches.length} matches  ${unscanned.join('; ')}  ${JSON.stringify(name.slice(0, 100))}\n`,
  );
}
process.stdout.write(`worst: ${worst[0]?.ms.toFixed(0)} ms for 1 MiB\n`);
