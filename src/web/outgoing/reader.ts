import { setTimeout as sleep } from 'node:timers/promises';
import { RefgateError } from '../../domain/error.ts';
import type { ViewKey, ViewMode } from '../../domain/mask.ts';
import type { LedgerEvent } from '../../domain/record.ts';
import type { Viewer } from '../viewer.ts';
import type { WebPorts } from '../web-ports.ts';
import { type Concerned, mostSessions } from './concerned.ts';
import { hideOids, type Known, nothingKnown } from './hide-oids.ts';

type Ports = Pick<WebPorts, 'readModeOf' | 'upstreams' | 'views' | 'ledger' | 'log'>;

/** How long one answer waits for what its reader may see, in ms; then its oids are hidden. */
const within = 5_000;

/** Stands between the texts of one answer, and in none of them. */
const between = '\n\u001e\n';

/** The repositories of an answer that this viewer does not read in clear, as views. `target` is absent where the map leads nowhere. */
export type Unclear = readonly (Omit<ViewKey, 'target'> & Partial<Pick<ViewKey, 'target'>>)[];

/** What of the answer its viewer does not read in clear. What the policy does not tell is not clear. */
export function unclearTo(ports: Ports, viewer: Viewer, { repos }: Concerned): Unclear {
  return [...repos.values()].flatMap(({ repo, target = ports.upstreams.target(repo) }) => {
    const mode = modeOf(ports, viewer, repo);
    return mode === 'clear' ? [] : [target === undefined ? { repo, mode } : { repo, mode, target }];
  });
}

/** Who decides and audits without reading the repository sees what is decided; a service and a user without access do not. */
function modeOf({ readModeOf, log }: Ports, { principal, user }: Viewer, repo: string): 'clear' | ViewMode {
  try {
    const mode = readModeOf(principal, repo);
    if (mode !== undefined) return mode;
    return principal.kind === 'person' && user.role !== 'user' ? 'clear' : 'masked';
  } catch (err) {
    log.error({ err, repo }, 'read mode not known');
    return 'masked';
  }
}

/** How texts of one answer are shown to who reads views. */
export type Shown = (text: string) => string;

/**
 * Asks the views how these texts are shown. What they do not tell in time is shown without any oid, and content of the
 * repository not at all. @throws VIEW_NOT_READY
 *
 * No oid is mapped, and none shown but those of the view that a push itself has brought. An answer may hold words that a
 * reader of a view chose: names of refs, wants, push options; mapped, they would tell who guesses an original oid whether
 * the guess is right. And it may hold oids of a push in clear that no view has yet, as of one that waits.
 */
export async function shownTo(
  ports: Ports,
  unclear: Unclear,
  concerned: Concerned,
  strings: ReadonlySet<string>,
): Promise<Shown> {
  try {
    const known = await knownOf(ports, concerned);
    const texts = [...strings].map((text) => text.replaceAll('\u001e', ' '));
    const before = texts.map((text) => hideOids(text, known));
    const after = (await mappedBy(ports, unclear, before.join(between))).split(between);
    if (after.length !== texts.length) throw new Error('the texts of an answer were not kept apart');
    const shown = new Map([...strings].map((text, at) => [text, after[at] ?? '']));
    return (text) => shown.get(text) ?? hideOids(text);
  } catch (err) {
    ports.log.warn({ err }, 'an answer is shown without oids');
    if (concerned.holdsContent)
      throw new RefgateError('VIEW_NOT_READY', 'operator', 'load this again in a while', { cause: err });
    return (text) => hideOids(text);
  }
}

async function mappedBy(ports: Ports, unclear: Unclear, text: string): Promise<string> {
  const over = new AbortController();
  const late = sleep(within, undefined, { signal: over.signal }).then(() => {
    throw new Error('views do not tell in time what may be seen');
  });
  late.catch(() => {});
  try {
    let shown = text;
    for (const { repo, mode, target } of unclear) {
      if (target === undefined) throw new Error(`no line of repos: matches ${repo} any more`);
      const mapped = ports.views.textFor({ repo, mode, target }, shown);
      shown = await Promise.race([mapped, late]);
    }
    return shown;
  } finally {
    over.abort();
  }
}

/** What may be seen of oids. */
async function knownOf({ ledger }: Ports, { sessions, holdsWords }: Concerned): Promise<Known> {
  if (holdsWords || sessions.size > mostSessions) return nothingKnown;
  const [oids, words] = [new Set<string>(), new Set<string>()];
  for (const [id, read] of sessions) {
    const events = read ?? (await ledger.sessionEvents(id));
    for (const { code, data } of events) learn(code, data, oids, words);
  }
  return { oids, words };
}

function learn(
  code: LedgerEvent['code'],
  data: LedgerEvent['data'],
  oids: Set<string>,
  words: Set<string>,
): void {
  if (code === 'push.restored' && 'pairs' in data) for (const { view } of data.pairs) oids.add(view);
  if ('policyVersion' in data && typeof data.policyVersion === 'string')
    words.add(data.policyVersion.toLowerCase());
}
