/**
 * Repositories with secrets in every place where git keeps bytes. The words that
 * look like secrets exist at run time only; the same options give the same oids.
 */
import type { ObjectFormat, Oid } from '../../src/domain/git.ts';
import { readDefaultRules } from '../../src/inspect/secrets/rules/load-rules.ts';
import { expandTemplate } from '../../src/inspect/secrets/rules/template.ts';
import { type Random, seededRandom } from '../../src/inspect/secrets/rules/token-sample.ts';
import { initBare } from './git.ts';
import { Folder, HistoryWriter, setRefs, signatureHeader } from './history-writer.ts';

export interface PlantedSecret {
  /** Where it was planted, such as `utf16le` or `mergetag`. */
  readonly where: string;
  /** ASCII; must be found nowhere in a view. */
  readonly text: string;
}

export interface SecretHistory {
  readonly gitDir: string;
  readonly format: ObjectFormat;
  readonly secrets: readonly PlantedSecret[];
  readonly refs: ReadonlyMap<string, Oid>;
  /** In the order in which they were made. */
  readonly commits: ReadonlyMap<string, Oid>;
  /** Commits that no secret reaches, by the same labels. */
  readonly clean: readonly string[];
}

export interface SecretHistoryOptions {
  readonly format?: ObjectFormat;
  readonly seed?: number;
  /** Further commits, half of them before the first secret and half behind the last one; none when not said. */
  readonly filler?: number;
}

/** Tokens of the rule `github-pat`, each another one. */
export function secretMaker(seed: number): () => string {
  const entry = readDefaultRules().find((rule) => rule.entry.id === 'github-pat')?.entry;
  if (entry === undefined) throw new Error('the rule github-pat is gone');
  const random = seededRandom(seed);
  return () => expandTemplate('{token}', entry, random, undefined);
}

/** What begins as a private key of so many lines of 64 characters does, and one of its lines. */
export function privateKey(random: Random, lines: number): { readonly text: string; readonly line: string } {
  const der = Buffer.from(Array.from({ length: lines * 48 }, () => Math.floor(random() * 256)));
  der.writeUInt16BE(0x3082, 0);
  der.writeUInt16BE(der.length - 4, 2);
  const body = der.toString('base64').match(/.{64}/g) ?? [];
  const mark = (word: string) => `-----${word} RSA PRIVATE ${'KEY'}-----`;
  return { text: [mark('BEGIN'), ...body, mark('END'), ''].join('\n'), line: body[lines >> 1] as string };
}

/** Makes a bare repository that holds every case, with refs and HEAD. */
export async function makeSecretHistory(
  gitDir: string,
  options: SecretHistoryOptions = {},
): Promise<SecretHistory> {
  const format = options.format ?? 'sha1';
  const story = new Story(format, options.seed ?? 1, (options.filler ?? 0) >> 1);
  story.tell();
  await initBare(gitDir, format);
  await story.writer.flush(gitDir);
  await setRefs(gitDir, story.refs);
  const { secrets, refs, commits, clean } = story;
  return { gitDir, format, secrets, refs, commits, clean };
}

class Story {
  readonly writer: HistoryWriter;
  readonly secrets: PlantedSecret[] = [];
  readonly refs = new Map<string, Oid>();
  readonly commits = new Map<string, Oid>();
  readonly clean: string[] = [];
  readonly #next: () => string;
  readonly #random: Random;
  readonly #filler: number;
  #tree = new Folder();
  #tip: Oid | undefined;

  constructor(format: ObjectFormat, seed: number, filler: number) {
    this.writer = new HistoryWriter(format);
    this.#next = secretMaker(seed);
    this.#random = seededRandom(seed);
    this.#filler = filler;
  }

  tell(): void {
    this.#beginning();
    this.#files();
    this.#encodings();
    this.#texts();
    this.#names();
    this.#merges();
    this.#twins();
    this.#fill('late');
    this.#tags();
    this.refs.set('refs/heads/main', this.#tip as Oid);
    this.refs.set(`refs/heads/of-${this.#plant('ref')}`, this.#tip as Oid);
  }

  #plant(where: string): string {
    const text = this.#next();
    this.secrets.push({ where, text });
    return text;
  }

  #put(path: string, content: string | Buffer, mode?: string): void {
    this.#tree = this.#tree.with(path, this.writer.file(content, mode));
  }

  /** A commit of the tree on the tip. */
  #commit(
    label: string,
    rest: { message?: string; author?: string; headers?: string; also?: Oid[] } = {},
  ): Oid {
    const { message = `${label}\n`, also = [], ...text } = rest;
    const parents = this.#tip === undefined ? also : [this.#tip, ...also];
    const oid = this.writer.commit({ tree: this.#tree, parents, message, ...text });
    this.commits.set(label, oid);
    this.#tip = oid;
    return oid;
  }

  #signed(label: string): { headers: string } {
    return { headers: signatureHeader(this.writer.format, label) };
  }

  /** Clean, and partly signed. */
  #beginning(): void {
    this.#put('README.md', 'A tool\n======\n');
    this.#put('src/app.js', 'start();\n');
    this.#commit('root', this.#signed('root'));
    this.#put('src/deep/in/folder/a.txt', 'a\n');
    this.#put('src/deep/b.txt', 'b\n');
    this.#commit('second', this.#signed('second'));
    this.#fill('early');
    this.clean.push(...this.commits.keys());
    const trunk = this.#tip;
    const tree = this.#tree;
    this.#put('side.txt', 'side\n');
    this.refs.set('refs/heads/side', this.#commit('side', this.#signed('side')));
    this.clean.push('side');
    this.#tip = trunk as Oid;
    this.#tree = tree;
  }

  #fill(prefix: string): void {
    for (let n = 0; n < this.#filler; n++) {
      const folder = `lib/part-${n % 20}/${n % 7}`;
      this.#put(
        `${folder}/file-${Math.floor(this.#random() * 40)}.txt`,
        `${prefix} ${n}\n`.repeat(1 + (n % 30)),
      );
      this.#commit(`${prefix}-${n}`);
    }
  }

  #files(): void {
    this.#put('src/deep/in/.env', `PORT=80\nTOKEN=${this.#plant('old')}\nDEBUG=1\n`);
    this.#commit('old', this.#signed('old'));
    this.#tree = this.#tree.with('src/deep/in/.env', undefined);
    this.#commit('removed', this.#signed('removed'));
    this.#put('deploy.sh', `#!/bin/sh\ncurl -u x:${this.#plant('executable')} host\n`, '100755');
    this.#put('config.ini', `[a]\r\ntoken=${this.#plant('crlf')}\r\nlast=1\r\n`);
    this.#put('link', `/tmp/${this.#plant('symlink')}`, '120000');
    this.#commit('modes');
    const env = this.#tree.at('config.ini');
    this.#tree = this.#tree.with('conf/copied.ini', env);
    this.#commit('copied');
    this.#tree = this.#tree.with('config.ini', undefined).with('conf/renamed.ini', env);
    this.#commit('renamed');
    const edge = 65_536;
    this.#put('edge.txt', `${'x'.repeat(edge - 12)} ${this.#plant('edge')}\n${'y'.repeat(100)}\n`);
    const key = privateKey(this.#random, 190);
    this.secrets.push({ where: 'pem', text: key.line });
    this.#put('keys/server.pem', `${'# padding\n'.repeat(6_000)}${key.text}`);
    this.#commit('large');
  }

  #encodings(): void {
    const wide = (text: string) => Buffer.from(text, 'utf16le');
    const mark = (bytes: Buffer) => Buffer.concat([Buffer.from([0xff, 0xfe]), bytes]);
    const line = (where: string) => `name = value\ntoken = "${this.#plant(where)}"\nend\n`;
    this.#put('wide/le-bom.txt', mark(wide(line('utf16le-bom'))));
    this.#put('wide/be-bom.txt', mark(wide(line('utf16be-bom'))).swap16());
    this.#put('wide/le.txt', wide(line('utf16le')));
    this.#put('wide/be.txt', wide(line('utf16be')).swap16());
    const zeros = Buffer.alloc(40);
    const token = Buffer.from(` ${this.#plant('binary')} `);
    this.#put('data.bin', Buffer.concat([Buffer.from('BIN'), zeros, token, zeros]));
    const inner = Buffer.from(`token=${this.#plant('base64')}\n`).toString('base64');
    this.#put('secret.yaml', `kind: Secret\ndata:\n  env: ${inner}\n`);
    this.#commit('encodings');
  }

  #texts(): void {
    this.#commit('author', { author: `Ann ${this.#plant('author')} <ann@example.com>` });
    this.#commit('message', { message: `use ${this.#plant('message')}\n\nfor now\n` });
    this.#commit('quotes', {
      message: `Revert "old"\n\nThis reverts commit ${this.commits.get('old')}, not ${this.commits.get('root')}.\n`,
    });
    this.#commit('encoding', { headers: 'encoding ISO-8859-1\n', message: 'gr\xfc\xdfe\n' });
    this.#commit('no newline', { message: 'no newline at the end' });
  }

  #names(): void {
    this.#put(`notes/${this.#plant('file name')}.txt`, 'nothing\n');
    this.#put('notes/a.txt', 'a\n');
    this.#put(`${this.#plant('folder name')}/inner/x.txt`, 'x\n');
    this.#commit('names');
  }

  #merges(): void {
    const { writer } = this;
    const root = this.commits.get('second') as Oid;
    const base = new Folder().with('README.md', writer.file('A tool\n======\n'));
    const branch = (label: string, content: string) => {
      const tree = base.with(`${label}.txt`, writer.file(content));
      const oid = writer.commit({ tree, parents: [root], message: `${label}\n` });
      this.commits.set(label, oid);
      return oid;
    };
    const leaky = branch('leaky', `token=${this.#plant('second parent')}\n`);
    const tidy = branch('tidy', 'tidy\n');
    this.clean.push('tidy');
    this.#commit('merge second', { also: [leaky] });
    const main = this.#tip as Oid;
    const first = writer.commit({ tree: base, parents: [leaky, tidy], message: 'merge of the first\n' });
    this.commits.set('merge first', first);
    this.refs.set('refs/heads/merged', first);
    const octopus = { also: [tidy, leaky, this.commits.get('side') as Oid] };
    this.#put('octopus.txt', `only here ${this.#plant('merge itself')}\n`);
    this.#commit('octopus', octopus);
    const tag = writer.tagText('v0', 'commit', tidy, `v0 ${this.#plant('mergetag')}\n`);
    const header = `mergetag ${tag.replace(/\n$/, '').replaceAll('\n', '\n ')}\n`;
    this.#commit('mergetag', { also: [tidy], headers: header });
    const tree = base.with('late.txt', writer.file('late\n'));
    const evil = writer.commit({ tree, parents: [tidy, main], message: 'clean tree, leaky parent\n' });
    this.commits.set('clean first', evil);
    this.refs.set('refs/heads/clean-first', evil);
  }

  /** Two commits that are the same but for their signatures. */
  #twins(): void {
    const text = Buffer.from(
      `tree ${this.#tree.write(this.writer)}\nparent ${this.#tip}\nauthor A <a@example.com> 1800000000 +0000\ncommitter A <a@example.com> 1800000000 +0000\n`,
    );
    const twin = (seed: string) => {
      const headers = Buffer.from(signatureHeader(this.writer.format, seed));
      return this.writer.raw('commit', Buffer.concat([text, headers, Buffer.from('\ntwin\n')]));
    };
    const [one, two] = [twin('one'), twin('two')];
    this.commits.set('twin one', one).set('twin two', two);
    this.#tip = one;
    this.#commit('twins', { also: [two] });
  }

  #tags(): void {
    const { writer, refs } = this;
    const old = this.commits.get('old') as Oid;
    const root = this.commits.get('root') as Oid;
    refs.set('refs/tags/clean', writer.tag('clean', 'commit', root, 'clean\n'));
    refs.set('refs/tags/light', old);
    const secret = writer.tag('leaky', 'commit', root, `with ${this.#plant('tag message')}\n`);
    refs.set('refs/tags/leaky', secret);
    const signature = signatureHeader('sha1', 'tag').slice('gpgsig '.length).replaceAll('\n ', '\n');
    const inner = writer.tag('inner', 'commit', old, `signed\n${signature}`);
    refs.set('refs/tags/nested', writer.tag('nested', 'tag', inner, 'of a tag\n'));
    const blob = writer.blob(`only tagged ${this.#plant('tagged blob')}\n`);
    refs.set('refs/tags/blob', writer.tag('blob', 'blob', blob, 'of a blob\n'));
    const light = writer.blob(`only tagged ${this.#plant('light blob')}\n`);
    refs.set('refs/tags/light-blob', light);
    const tree = new Folder().with('x/y.txt', writer.file(`y ${this.#plant('tagged tree')}\n`)).write(writer);
    refs.set('refs/tags/tree', writer.tag('tree', 'tree', tree, 'of a tree\n'));
    refs.set('refs/tags/light-tree', tree);
    refs.set('refs/tags/clean-blob', writer.blob('nothing in it\n'));
  }
}
