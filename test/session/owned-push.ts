/** Real pushes, as far as who is asked about them: held, looked at and judged before an upstream that is really there. */
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { stringify } from 'yaml';
import type { UserRecord } from '../../src/domain/identity.ts';
import type { RefVerdict } from '../../src/domain/policy.ts';
import type { PushFacts } from '../../src/domain/session.ts';
import { createAncestry } from '../../src/inspect/ancestry.ts';
import { pushContents } from '../../src/inspect/push-contents.ts';
import { defaultPackLimits, Quarantine } from '../../src/inspect/quarantine.ts';
import { refFacts } from '../../src/inspect/ref-facts.ts';
import { TreeCache } from '../../src/inspect/tree-cache.ts';
import { loadPolicy } from '../../src/policy/load.ts';
import { codeownersOf } from '../../src/session/read-codeowners.ts';
import { seatsOf } from '../../src/session/seats.ts';
import { type CommitOf, historyOf, packOf, upstreamOf } from '../inspect/contents/walk-fixture.ts';
import { zero } from '../policy/support.ts';
import { tempDir } from '../support/git.ts';
import { LocalSource } from '../support/local-source.ts';
import { QuietLog } from '../support/quiet-log.ts';

/** Who is asked, in short: the users and groups of each seat, or why nobody is. */
export interface Outcome {
  readonly seats: readonly (readonly string[])[];
  readonly refused: readonly string[];
  readonly notes: readonly string[];
  readonly effect: RefVerdict['effect'] | undefined;
}

export interface OwnedScene {
  /** Pushes a commit to a branch that is at another commit of the upstream, or not there yet. */
  push(commit: string, to: { readonly ref: string; readonly at?: string }): Promise<Outcome>;
}

const ask = { from: 'codeowners' };

/**
 * An upstream that has the branches `there`, and a policy whose one rule asks the owners of the files.
 * @param when the rule's condition; every push when not said.
 */
export async function ownedScene(
  t: TestContext,
  commits: readonly CommitOf[],
  there: readonly string[],
  options: { readonly ask?: object; readonly when?: object; readonly users?: readonly UserRecord[] } = {},
): Promise<OwnedScene> {
  const dir = tempDir(t, 'owned');
  const source = join(dir, 'client.git');
  const oids = await historyOf(source, commits);
  const upstream = await upstreamOf(t, source, there);
  const log = new QuietLog();
  const quarantine = new Quarantine({ dir: join(dir, 'held'), limits: defaultPackLimits, log });
  t.after(() => quarantine.close());
  const at = (name: string): string => oids[name] ?? zero;
  const rules = [{ name: 'owners', when: options.when ?? {}, then: { ask: options.ask ?? ask } }];
  const access = [{ who: { user: '**' }, repo: '**', may: ['read', 'write'] }];
  const policy = loadPolicy(stringify({ access, rules }), 'policy.yaml');
  const cache = new TreeCache(1 << 22);
  const repoKey = 'up:acme/web';
  const open = () => new LocalSource(upstream);
  let number = 0;
  const push: OwnedScene['push'] = async (commit, to) => {
    const oldOid = to.at === undefined ? zero : at(to.at);
    const updates = [{ ref: `refs/heads/${to.ref}`, oldOid, newOid: at(commit) }];
    const request = {
      updates,
      pushOptions: [],
      atomic: false,
      quiet: false,
      report: 'v1',
      sideband: true,
      objectFormat: 'sha1',
      hasPack: true,
    } as const;
    const pack = await packOf(source, [at(commit)], there.map(at));
    const held = await quarantine.hold(only(pack), {
      id: `push-${number++}`,
      objectFormat: 'sha1',
      borrow: async () => [],
    });
    try {
      const ancestry = createAncestry({ maxCachedCommits: 1_000, log });
      const asksForContent = policy.asksForContent();
      const facts: PushFacts = {
        refs: await refFacts(request, held, { ancestry, source: open }),
        pushOptions: [],
        objects: 0,
        bytes: pack.length,
        ...(await pushContents(request, held, { open, cache, repoKey, asksForContent, baseline: [] })),
      };
      const who = {
        user: 'mallory',
        kind: 'person',
        groups: [],
        credential: { type: 'token', id: 't' },
      } as const;
      const { refs } = policy.judge(who, 'acme/web', facts);
      const got = await seatsOf({
        verdicts: refs,
        facts,
        user: who.user,
        users: async () => options.users ?? [],
        codeowners: (ref) => codeownersOf({ open, treeCache: cache, repoKey, objectFormat: 'sha1' }, ref),
      });
      const seats = 'asks' in got ? got.asks.flatMap((asked) => asked.seats) : [];
      return {
        seats: seats.map(({ groups, users }) => [...users, ...groups]),
        refused: 'refused' in got ? [...got.refused.values()].map(({ text }) => text) : [],
        notes: 'notes' in got ? got.notes : [],
        effect: refs[0]?.effect,
      };
    } finally {
      await held.release();
    }
  };
  return { push };
}

async function* only(bytes: Buffer): AsyncIterable<Buffer> {
  yield bytes;
}
