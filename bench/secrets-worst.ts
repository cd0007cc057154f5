/**
 * Searches for the blob that takes the scanner longest, as whoever pushes
 * might: every keyword of the default rules over and over, with what may follow
 * it; every sample of a rule, whole and short of its last characters; what the
 * decoders take; then the slowest of these together, and wrapped. Each is tried
 * at a few KiB with limits in proportion, and the slowest at 1 MiB. Times are of the processor.
 *
 *   npm run bench secrets-worst [SECONDS FOR THE SMALL ONES]
 */
import { deflateRawSync, gzipSync } from 'node:zlib';
import { defaultRules, readDefaultRules } from '../src/inspect/secrets/rules/load-rules.ts';
import { expandTemplate } from '../src/inspect/secrets/rules/template.ts';
import { seededRandom } from '../src/inspect/secrets/rules/token-sample.ts';
import { Scanner } from '../src/inspect/secrets/scanner.ts';
import { defaultLimits } from '../src/inspect/secrets/work.ts';

interface Atom {
  readonly name: string;
  readonly text: Buffer;
}

interface Timed extends Atom {
  readonly ms: number;
}

const mebibyte = 1024 * 1024;
const probeBytes = 4 * 1024;
const share = probeBytes / mebibyte;
const kept = 24;
const random = seededRandom(1);
const scanner = new Scanner(defaultRules());
const small = new Scanner(defaultRules(), {
  workBase: defaultLimits.workBase * share,
  plainHits: defaultLimits.plainHits * share,
  decodedBase: defaultLimits.decodedBase * share,
  matches: Math.ceil(defaultLimits.matches * share),
});

const fill = (text: Buffer, bytes: number): Buffer => Buffer.alloc(bytes, text.length === 0 ? ' ' : text);

function time(which: Scanner, data: Buffer, rounds: number): number {
  let best = Number.POSITIVE_INFINITY;
  for (let n = 0; n < rounds; n++) {
    const start = process.cpuUsage();
    which.scan(data);
    const { user, system } = process.cpuUsage(start);
    best = Math.min(best, (user + system) / 1000);
  }
  return best;
}

const atom = (name: string, text: string): Atom => ({ name, text: Buffer.from(text, 'latin1') });

const fillers = ['', ' ', '="', '=', '":"', '\n', '-', 'A', '://', '_'];
const tails = ['a', 'A1b2', '/', ' ', '=a ', ':', 'aB3-'];

function keywordAtoms(): Atom[] {
  const keywords = new Set(defaultRules().flatMap((rule) => rule.keywords));
  return [...keywords].flatMap((keyword) => [
    ...fillers.map((filler) => atom(`${keyword} and ${JSON.stringify(filler)}`, keyword + filler)),
    ...tails.map((tail) =>
      atom(`${keyword} and 160 bytes of ${JSON.stringify(tail)}`, keyword + tail.repeat(160 / tail.length)),
    ),
  ]);
}

function sampleAtoms(): Atom[] {
  const entries = readDefaultRules().map(({ entry }) => entry);
  const byId = new Map(entries.map((entry) => [entry.id, entry]));
  return entries.flatMap((entry) =>
    [...(entry.true ?? []), ...(entry.false ?? [])].flatMap((template) => {
      const partner = entry.partner === undefined ? undefined : byId.get(entry.partner);
      const text = expandTemplate(template, entry, random, partner);
      return [
        atom(`${entry.id} in lines`, `${text}\n`),
        atom(`${entry.id}`, text),
        atom(`${entry.id} short`, text.slice(0, -2)),
        atom(`${entry.id} by half`, `${text.slice(0, text.length / 2)} `),
      ];
    }),
  );
}

const structures = [
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
];
const pairs = [
  'QUJD',
  'AEEAQgBD',
  'ZXlK',
  '6768705f',
  'H4sIAAAA',
  'UEsDBBQA',
  '1f8b0800',
  '\x1f\x8b\x08\0\0\0\0\0\0\x03',
];

function structureAtoms(): Atom[] {
  const zip = Buffer.alloc(30);
  zip.write('PK\x03\x04');
  zip.writeUInt16LE(8, 8);
  return [
    ...[...structures, ...pairs].flatMap((text) => [
      atom(`structure ${JSON.stringify(text)}`, text),
      atom(`structure ${JSON.stringify(text)} apart`, `${text}${' '.repeat(700)}`),
      atom(`structure ${JSON.stringify(text)} in runs`, `${text.repeat(8)} `),
    ]),
    { name: 'tiny zip entries', text: Buffer.concat([zip, deflateRawSync('a')]) },
    { name: 'tiny gzip members', text: gzipSync('a') },
    { name: 'gzip members apart', text: Buffer.concat([gzipSync('a'), Buffer.from('x')]) },
  ];
}

const each = (text: Buffer, write: (hex: string) => string): Buffer =>
  Buffer.from([...text].map((byte) => write(byte.toString(16).padStart(2, '0'))).join(''));

const wrappings: readonly (readonly [string, (text: Buffer) => Buffer])[] = [
  ['base64', (text) => Buffer.from(text.toString('base64').replace(/=+$/, ''))],
  ['lines of base64', (text) => Buffer.from(text.toString('base64').replace(/.{76}/g, '$&\n'))],
  ['hex', (text) => Buffer.from(text.toString('hex'))],
  ['escapes', (text) => each(text, (hex) => `\\u00${hex}`)],
  ['percent', (text) => each(text, (hex) => `%${hex}`)],
  ['utf-16', (text) => Buffer.from(text.toString('latin1'), 'utf16le')],
];

function shuffled<T>(list: T[]): T[] {
  for (let i = list.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    [list[i], list[j]] = [list[j] as T, list[i] as T];
  }
  return list;
}

/** The slowest of the list, slowest first; `limit` in ms for all. */
function slowestOf(list: readonly Atom[], bytes: number, limit: number): { tried: number; slowest: Timed[] } {
  const until = performance.now() + limit;
  const which = bytes === mebibyte ? scanner : small;
  const slowest: Timed[] = [];
  let tried = 0;
  for (const { name, text } of list) {
    if (performance.now() > until) break;
    tried++;
    const data = fill(text, bytes);
    let ms = time(which, data, 1);
    const least = slowest.length < kept ? 0 : (slowest.at(-1)?.ms ?? 0);
    // What seems slow may be the machine's doing: it is timed again.
    if (ms > least) ms = Math.min(ms, time(which, data, bytes === mebibyte ? 1 : 4));
    if (ms <= least) continue;
    slowest.push({ name, text, ms });
    slowest.sort((a, b) => b.ms - a.ms).splice(kept);
  }
  return { tried, slowest };
}

const seconds = Number(process.argv[2] ?? 50);
const atoms = shuffled([...structureAtoms(), ...sampleAtoms(), ...keywordAtoms()]);
slowestOf(atoms.slice(0, 2000), probeBytes, 3_000);
const { tried, slowest } = slowestOf(atoms, probeBytes, seconds * 1000);
process.stdout.write(`${tried} of ${atoms.length} tried at ${probeBytes} bytes\n`);

const mixed = slowest.slice(0, 8).flatMap((a, n) =>
  slowest.slice(n + 1, n + 4).flatMap((b) => [
    { name: `${a.name} + ${b.name}`, text: Buffer.concat([a.text, b.text]) },
    { name: `${a.name} beside ${b.name}`, text: Buffer.concat([fill(a.text, 300), fill(b.text, 300)]) },
  ]),
);
const wrapped = wrappings.flatMap(([name, wrap]) => [
  ...slowest
    .slice(0, 4)
    .map((one) => ({ name: `${one.name} in ${name}`, text: wrap(fill(one.text, 49_152)) })),
  {
    name: `${slowest[0]?.name} in ${name} in base64`,
    text: Buffer.from(wrap(fill(slowest[0]?.text ?? Buffer.alloc(0), 49_152)).toString('base64')),
  },
]);
const packed = slowest.slice(0, 3).map((one) => ({
  name: `${one.name} in gzip`,
  text: Buffer.concat([gzipSync(fill(one.text, 4 * mebibyte)), Buffer.alloc(mebibyte)]).subarray(0, mebibyte),
}));
const more = [...slowestOf(mixed, probeBytes, 5_000).slowest.slice(0, 6), ...wrapped, ...packed];
const worst = slowestOf([...slowest, ...more], mebibyte, 50_000).slowest;
for (const { name, text, ms } of worst.slice(0, 12)) {
  const data = fill(text, mebibyte);
  const { unscanned, matches } = scanner.scan(data);
  const units = (scanner.workOf(data) / mebibyte).toFixed(0);
  process.stdout.write(
    `${ms.toFixed(0)} ms, ${units} units for each byte, ${matches.length} matches, ${unscanned.join('; ')}  ${JSON.stringify(name.slice(0, 100))}\n`,
  );
}
process.stdout.write(`worst: ${worst[0]?.ms.toFixed(0)} ms for 1 MiB: ${JSON.stringify(worst[0]?.name)}\n`);
