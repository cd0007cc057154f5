/**
 * The machine's git pushes through each door to each kind of upstream. What git
 * says and what the upstream has afterwards must be what the same commands give
 * against the upstream's own folder, without Refgate.
 */
import assert from 'node:assert/strict';
import { cpSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { pathToFileURL } from 'node:url';
import {
  type Bastion,
  type Door,
  doors,
  startBastion,
  type UpstreamKind,
  upstreamKinds,
} from '../support/bastion.ts';
import {
  makeLocal,
  makeUpstreams,
  rarerScenarios,
  refsOf,
  type WriteScenario,
  writeScenarios,
} from './write-scenarios.ts';

type Way = readonly [Door, UpstreamKind];

const ways: readonly Way[] = doors.flatMap((door) => upstreamKinds.map((kind): Way => [door, kind]));
const someWays: readonly Way[] = [
  ['ssh', 'http'],
  ['http', 'path'],
];

class Writes {
  readonly #bastion: Bastion;
  readonly #local: string;
  readonly #templates: string;
  readonly #direct = new Map<WriteScenario, Promise<readonly string[]>>();
  #runs = 0;

  constructor(bastion: Bastion, local: string, templates: string) {
    this.#bastion = bastion;
    this.#local = local;
    this.#templates = templates;
  }

  /** The scenario with repositories of its own; against the folder itself when no way is given. */
  async run(scenario: WriteScenario, way?: Way): Promise<readonly string[]> {
    const bastion = this.#bastion;
    const id = `run-${this.#runs++}`;
    const dir = join(bastion.dir, id);
    mkdirSync(dir);
    const local = join(dir, 'local.git');
    cpSync(this.#local, local, { recursive: true });
    const urls = new Map<string, string>();
    const urlOf = (name: string): string => {
      const gitDir = bastion.gitDir(`${id}-${name}`);
      const url =
        way === undefined ? pathToFileURL(gitDir).href : bastion.url(way[0], way[1], `${id}-${name}`);
      if (!urls.has(name)) cpSync(join(this.#templates, name), gitDir, { recursive: true });
      urls.set(name, url);
      return url;
    };
    const said: string[] = [];
    await scenario.run({
      dir,
      local,
      get url() {
        return urlOf('web');
      },
      urlOf,
      client: (args, cwd = local) => bastion.git(args, { cwd }),
      push: async (args, cwd = local) => {
        const { status, stdout, stderr } = await bastion.run(['push', ...args], { cwd });
        said.push(`push ${status}`, ...heard(stdout, urls), ...heard(stderr, urls));
      },
    });
    for (const name of urls.keys()) said.push(...(await refsOf(bastion.gitDir(`${id}-${name}`))));
    return said;
  }

  direct(scenario: WriteScenario): Promise<readonly string[]> {
    const known = this.#direct.get(scenario) ?? this.run(scenario);
    this.#direct.set(scenario, known);
    return known;
  }
}

/** What git said, line by line; a URL shows as its name. Git leaves out of it who logs in. */
function heard(text: string, urls: ReadonlyMap<string, string>): readonly string[] {
  let plain = text;
  for (const [name, url] of urls) plain = plain.replaceAll(url.replace(/\/\/[^@/]*@/, '//'), name);
  return plain.split('\n').filter((line) => line !== '');
}

test('writes with git', { timeout: 120_000 }, async (t) => {
  const bastion = await startBastion(t);
  const local = join(bastion.dir, 'local.git');
  const templates = join(bastion.dir, 'templates');
  await makeLocal(local);
  await makeUpstreams(local, (name) => join(templates, name));
  const writes = new Writes(bastion, local, templates);
  for (const scenario of [...writeScenarios, ...rarerScenarios]) {
    const through = writeScenarios.includes(scenario) ? ways : someWays;
    await t.test(scenario.name, { concurrency: 3 }, async (st) => {
      const all = through.map((way) =>
        st.test(`over ${way[0]} to an upstream over ${way[1]}`, async () => {
          const expected = await writes.direct(scenario);
          assert.deepEqual(await writes.run(scenario, way), expected);
        }),
      );
      await Promise.all(all);
    });
  }
});
