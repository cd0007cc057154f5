/**
 * The machine's git in each protocol version, through each door, from each kind
 * of upstream. What it has afterwards must be what the same commands give
 * without Refgate: with a connection that keeps state, or with smart HTTP, which differ in what they fetch.
 */
import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { type Bastion, type Door, doors, startBastion, upstreamKinds } from '../support/bastion.ts';
import { makeReadRepos, type ReadPlace, type ReadScenario, readScenarios } from './read-scenarios.ts';

const versions = [0, 1, 2] as const;

/** Environment that makes git ask for a protocol version, in submodules and lazy fetches as well. */
const asking = (version: number): Record<string, string> => ({
  GIT_CONFIG_COUNT: '6',
  GIT_CONFIG_KEY_5: 'protocol.version',
  GIT_CONFIG_VALUE_5: String(version),
});

class Reads {
  readonly #bastion: Bastion;
  readonly #expected = new Map<string, Promise<readonly string[]>>();
  #runs = 0;

  constructor(bastion: Bastion) {
    this.#bastion = bastion;
  }

  /** Runs the scenario in a folder of its own. */
  run(scenario: ReadScenario, version: number, url: (name: string) => string): Promise<readonly string[]> {
    const bastion = this.#bastion;
    const dir = join(bastion.dir, `run-${this.#runs++}`);
    mkdirSync(dir);
    const place: ReadPlace = {
      dir,
      url,
      busy: bastion.gitDir('busy'),
      client: (args, cwd = dir) => bastion.git(args, { cwd, env: asking(version) }),
    };
    return scenario.run(place);
  }

  /** What the scenario gives without Refgate. */
  expected(scenario: ReadScenario, version: number, door: Door): Promise<readonly string[]> {
    const key = `${version} ${door} ${scenario.name}`;
    const kind = door === 'ssh' ? 'file' : 'http';
    const known =
      this.#expected.get(key) ?? this.run(scenario, version, (name) => this.#bastion.direct(kind, name));
    this.#expected.set(key, known);
    return known;
  }
}

test('reads with git', { timeout: 300_000 }, async (t) => {
  const bastion = await startBastion(t);
  await makeReadRepos((name) => bastion.gitDir(name));
  const reads = new Reads(bastion);
  for (const scenario of readScenarios) {
    await t.test(scenario.name, { concurrency: 3 }, async (st) => {
      const all = doors.flatMap((door) =>
        upstreamKinds.flatMap((upstream) =>
          versions.map((version) =>
            st.test(`v${version} over ${door} from an upstream over ${upstream}`, async () => {
              const expected = await reads.expected(scenario, version, door);
              const seen = await reads.run(scenario, version, (name) => bastion.url(door, upstream, name));
              assert.deepEqual(seen, expected);
            }),
          ),
        ),
      );
      await Promise.all(all);
    });
  }
});
