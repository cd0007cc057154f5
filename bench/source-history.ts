/**
 * A made-up history with the shape of a real one: source-like text in nested
 * folders, edits of a few lines, side branches that are merged, delta chains as
 * git makes them. The same options always give the same objects.
 */
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';

type Random = (below: number) => number;

function randomFrom(seed: number): Random {
  let state = seed;
  return (below) => {
    state = (state * 48271) % 0x7fffffff;
    return Math.floor((state / 0x7fffffff) * below);
  };
}

const stems =
  'access account action add address alloc apply array async auth base batch begin bind block body branch buffer build byte cache call change char check child class clean client clone close code column command commit compare config connect content context copy count create cursor data date decode default delete delta depth diff digest dir done draw edit encode end entry env error event exec export fail fetch field file filter find flag flush fold format frame free from function get group handle hash head header host id import index info init input insert item iter job join key kind label last length level limit line link list load local lock log loop main make map mark mask match merge message meta method mode module move name next node note null number object offset open option order output owner pack page parent parse part pass password patch path peer pipe place point pool port post prefix print process push query queue range rank read record ref release remote rename render repo request reset resolve result retry return root row run save scan scope secret seed send session set setup shift show side size skip slot sort source split stack start state status step store stream string submit sum sync table tag target task term test text thread time token trace track tree trim type unit update url use user value verify version view wait walk watch width window word work write zone'.split(
    ' ',
  );

/** Words as people write them: few of them make up most of a text. */
function vocabularyOf(random: Random): readonly string[] {
  const capital = (word: string) => (word[0] as string).toUpperCase() + word.slice(1);
  const stem = () => stems[random(stems.length)] as string;
  const shapes = [
    () => stem(),
    () => `${stem()}_${stem()}`,
    () => stem() + capital(stem()),
    () => `${stem()}_${stem()}_${stem()}`,
    () => capital(stem()) + capital(stem()),
    () => `${stem()}_${stem()}`.toUpperCase(),
  ];
  return Array.from({ length: 6000 }, () => (shapes[random(shapes.length)] as () => string)());
}

/** Gives lines of text that looks like a program. */
function writerOf(random: Random): { line(): string; words(count: number): string } {
  const vocabulary = vocabularyOf(random);
  const word = () => vocabulary[Math.floor((random(1e6) / 1e6) ** 2.5 * vocabulary.length)] as string;
  const number = () => random(random(4) === 0 ? 100_000 : 64);
  const words = (count: number) => Array.from({ length: count }, word).join(' ');
  const shapes: readonly (() => string)[] = [
    () => `${word()} = ${word()}(${word()}, ${word()});`,
    () => `if (${word()}->${word()} ${random(2) ? '==' : '<'} ${number()}) {`,
    () => `return ${word()}.${word()}(${word()});`,
    () => `const ${word()} = ${word()}[${word()}] ?? '${word()}';`,
    () => `// ${words(5 + random(7))}`,
    () => `* ${words(6 + random(8))}.`,
    () => '}',
    () => '',
    () => `static int ${word()}(struct ${word()} *${word()}, size_t ${word()})`,
    () => `"${word()}": "${words(1 + random(4))}",`,
    () => `die(_("${words(4)}: %s"), ${word()});`,
    () => `for (${word()} = 0; ${word()} < ${number()}; ${word()}++)`,
    () => `export function ${word()}(${word()}: ${word()}, ${word()}: number): ${word()} {`,
    () => `#define ${word().toUpperCase()} 0x${number().toString(16)}`,
    () => `assert_equal(${word()}, "${random(1e9).toString(36)}");`,
    () => `import { ${word()}, ${word()} } from './${word()}/${word()}.js';`,
  ];
  const indents = ['', '\t', '\t', '\t\t', '\t\t\t', '  ', '    '];
  const line = () => {
    if (random(40_000) === 0) return secretLine(random);
    return (indents[random(indents.length)] as string) + (shapes[random(shapes.length)] as () => string)();
  };
  return { line, words };
}

/** A line that a scanner has to find; what is secret in it is put together here. */
function secretLine(random: Random): string {
  const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';
  const body = (length: number) =>
    Array.from({ length }, () => letters[random(letters.length)] as string).join('');
  const lines = [
    () => `token = "${'ghp'}_${body(36)}"`,
    () => `password = "${body(20)}"`,
    () => `url = "https://deploy:${body(24)}@git.example.com/x.git"`,
    () => `{"auth_token": "${['xoxb', random(1e12) + 1e11, random(1e12) + 1e11, body(24)].join('-')}"}`,
  ];
  return (lines[random(lines.length)] as () => string)();
}

interface SourceFile {
  readonly path: string;
  readonly lines: string[];
  /** Of its blob as it is now. */
  mark: number;
}

export interface HistoryOptions {
  readonly commits: number;
  readonly files: number;
}

/** What `git fast-import` reads. */
class HistoryWriter {
  readonly #random = randomFrom(20_011);
  readonly #text = writerOf(this.#random);
  readonly #folders: string[] = [''];
  readonly #files: SourceFile[] = [];
  readonly #options: HistoryOptions;
  #mark = 0;
  #time = 1_500_000_000;

  constructor(options: HistoryOptions) {
    this.#options = options;
    const random = this.#random;
    while (this.#folders.length < options.files / 45) {
      const parent = this.#folders[Math.floor(random(this.#folders.length) * 0.7)] as string;
      if (parent.split('/').length > 5) continue;
      this.#folders.push(`${parent}${this.#text.words(1)}${this.#folders.length}/`);
    }
  }

  *pieces(): Generator<string> {
    for (let i = 0; i < this.#options.files; i++) this.#addFile();
    for (const file of this.#files) yield this.#blob(file);
    let main = ++this.#mark;
    yield this.#commit('main', main, [], this.#files);
    for (let made = 1; made < this.#options.commits; ) {
      if (this.#random(6) > 0) {
        const mark = yield* this.#change('main', main, new Set());
        main = mark;
        made++;
        continue;
      }
      // A side branch beside a few commits of the main one, which leave its files alone.
      const taken = new Set<SourceFile>();
      let side = main;
      for (let n = 1 + this.#random(4); n > 0; n--, made++) side = yield* this.#change('side', side, taken);
      const held = new Set(taken);
      const sideFiles = [...taken];
      for (let n = this.#random(4); n > 0; n--, made++) main = yield* this.#change('main', main, held, true);
      const merged = ++this.#mark;
      yield this.#commit('main', merged, [main, side], sideFiles);
      main = merged;
      made++;
    }
    yield `reset refs/heads/side\nfrom :${main}\n\ndone\n`;
  }

  /** One commit; `taken` gathers its files, or with `avoid` says which to leave alone. */
  *#change(branch: string, parent: number, taken: Set<SourceFile>, avoid = false): Generator<string, number> {
    const random = this.#random;
    const changed = new Set<SourceFile>();
    const anchor = Math.floor((random(1e6) / 1e6) ** 1.6 * this.#files.length);
    for (let n = 1 + (random(2) ? 0 : random(3)) + (random(40) ? 0 : random(25)); n > 0; n--) {
      const near = random(3) > 0 ? anchor + random(6) : random(this.#files.length);
      const file = this.#files[near % this.#files.length] as SourceFile;
      if (avoid && taken.has(file)) continue;
      changed.add(file);
    }
    if (random(12) === 0) changed.add(this.#addFile());
    for (const file of changed) {
      if (file.mark > 0) this.#edit(file.lines);
      if (!avoid) taken.add(file);
      yield this.#blob(file);
    }
    const mark = ++this.#mark;
    yield this.#commit(branch, mark, [parent], changed);
    return mark;
  }

  #addFile(): SourceFile {
    const random = this.#random;
    const folder = this.#folders[random(this.#folders.length)] as string;
    const name = this.#text.words(1) + this.#files.length;
    const path = `${folder}${name}.${['c', 'h', 'ts', 'md', 'py'][random(5)]}`;
    const most = random(5) === 0 ? 1600 : 500;
    const lines = Array.from({ length: 60 + random(most) }, () => this.#text.line());
    const file = { path, lines, mark: 0 };
    this.#files.push(file);
    return file;
  }

  #edit(lines: string[]): void {
    const random = this.#random;
    for (let hunks = 1 + (random(2) ? 0 : random(5)); hunks > 0; hunks--) {
      const removed = random(6);
      const added = random(2) ? removed : random(14);
      const place = random(lines.length);
      lines.splice(place, removed, ...Array.from({ length: added }, () => this.#text.line()));
    }
    if (lines.length < 20) lines.push(...Array.from({ length: 40 }, () => this.#text.line()));
  }

  #blob(file: SourceFile): string {
    const text = `${file.lines.join('\n')}\n`;
    file.mark = ++this.#mark;
    return `blob\nmark :${file.mark}\ndata ${text.length}\n${text}\n`;
  }

  #commit(branch: string, mark: number, parents: readonly number[], files: Iterable<SourceFile>): string {
    const random = this.#random;
    this.#time += random(5000);
    const who = random(60) ** 2;
    const body = Array.from({ length: random(9) }, () => this.#text.words(5 + random(8)));
    const message = `${this.#text.words(3 + random(5))}\n\n${body.join('\n')}\n`;
    const head = `commit refs/heads/${branch}\nmark :${mark}\ncommitter Person ${who} <p${who}@example.com> ${this.#time} +0200\ndata ${message.length}\n${message}`;
    const links = parents.map((parent, i) => `${i === 0 ? 'from' : 'merge'} :${parent}\n`);
    const changes = Array.from(files, (file) => `M 100644 :${file.mark} ${file.path}\n`);
    return `${head}${links.join('')}${changes.join('')}\n`;
  }
}

function git(args: readonly string[], stdin = ''): void {
  const { status } = spawnSync('git', args, { input: stdin, stdio: ['pipe', 'ignore', 'inherit'] });
  if (status !== 0) throw new Error(`git ${args.join(' ')} ended with ${status}`);
}

/**
 * The bare repository of such a history, packed by `git repack -adf --depth=50
 * --window=10`. It stays below the temporary folder, since making it takes minutes.
 */
export async function sourceHistory(options: HistoryOptions): Promise<string> {
  const dir = join(tmpdir(), `refgate-bench-history-1-${options.commits}-${options.files}.git`);
  if (existsSync(dir)) return dir;
  const made = `${dir}.${process.pid}`;
  mkdirSync(made);
  git(['init', '-q', '--bare', '--initial-branch=main', made]);
  const child = spawn(
    'git',
    [
      '-C',
      made,
      '-c',
      'core.compression=1',
      '-c',
      'fastimport.unpackLimit=0',
      'fast-import',
      '--quiet',
      '--done',
      '--depth=0',
    ],
    { stdio: ['pipe', 'inherit', 'inherit'] },
  );
  const ended = new Promise((resolve) => child.on('close', resolve));
  await pipeline(Readable.from(new HistoryWriter(options).pieces()), child.stdin);
  await ended;
  git(['-C', made, 'update-ref', '-d', 'refs/heads/side']);
  git(['-C', made, 'repack', '-adfq', '--depth=50', '--window=10']);
  rmSync(join(made, 'hooks'), { recursive: true, force: true });
  renameSync(made, dir);
  return dir;
}

/** The one pack of a repository that was repacked. */
export function packOf(gitDir: string): string {
  const packs = join(gitDir, 'objects', 'pack');
  return join(packs, readdirSync(packs).find((name) => name.endsWith('.pack')) as string);
}
