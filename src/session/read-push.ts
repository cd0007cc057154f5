import type { AdvertisedRef, PushRequest } from '../domain/git.ts';
import type { PushCapabilities, Target } from '../domain/ports.ts';
import { receivePackCapabilities, writeAdvertisement } from '../git/advertise.ts';
import type { PktReader } from '../git/pkt-line.ts';
import { PushRequestReader } from '../git/push-request.ts';
import { asRefgateError } from './failures.ts';
import type { Session, SpineDeps } from './open.ts';
import { PushReporter } from './push-reporter.ts';
import { agentName } from './version.ts';

/** One push whose request has been read. */
export interface Push {
  readonly deps: SpineDeps;
  readonly session: Session;
  readonly target: Target;
  readonly request: PushRequest;
  readonly reporter: PushReporter;
}

/** A ref name has at most 1,024 bytes, and two oids 128. */
const bytesPerUpdate = 1_300;
const maxPushOptions = 64;
const maxPushOptionBytes = 65_536;

/**
 * Shows the client the upstream's refs, and of its capabilities those that we honour.
 * Gives what the upstream can do. Throws what the upstream's port throws.
 */
export async function advertisePush(
  deps: SpineDeps,
  session: Session,
  target: Target,
): Promise<PushCapabilities> {
  const { principal, repo, version } = session.channel;
  const upstream = deps.upstreams.pushTarget(target);
  try {
    const { capabilities, refs } = await upstream.advertise();
    const pushOptions = deps.policy().mayPushOptions(principal, repo);
    const honoured = receivePackCapabilities(capabilities, { agent: agentName, pushOptions });
    await session.out.writeAll(
      writeAdvertisement({
        service: 'receive-pack',
        version: version === 1 ? 1 : 0,
        objectFormat: capabilities.objectFormat,
        capabilities: deps.noThin ? honoured : honoured.filter((one) => one !== 'no-thin'),
        refs: shownRefs(deps, session, deps.names.watch(target, refs)),
      }),
    );
    return capabilities;
  } finally {
    upstream.close();
  }
}

/** The upstream's refs, or those of the client's view. */
async function* shownRefs(
  deps: SpineDeps,
  { view }: Session,
  upstream: AsyncIterable<readonly AdvertisedRef[]>,
): AsyncGenerator<readonly AdvertisedRef[]> {
  if (view === undefined) {
    yield* upstream;
    return;
  }
  const all: AdvertisedRef[] = [];
  for await (const batch of upstream) all.push(...batch);
  yield await deps.views.refs(view, all);
}

/**
 * The whole request up to the pack; null when the client has nothing to push. One that is refused after it was
 * read to its end is told so in a report, any other on band 3. Throws as PushRequestReader does.
 */
export async function readPush(
  deps: SpineDeps,
  session: Session,
  reader: PktReader,
  advertised: PushCapabilities | undefined,
): Promise<PushRequest | null> {
  const { principal, repo } = session.channel;
  const lines = deps.limits.refUpdates;
  const requests = new PushRequestReader(reader, {
    capabilities: {
      // The second half of smart HTTP comes without an advertisement; what the upstream lacks, the agent finds out.
      ...(advertised ?? { atomic: true, deleteRefs: true }),
      pushOptions: deps.policy().mayPushOptions(principal, repo),
    },
    limits: { lines, bytes: lines * bytesPerUpdate },
    optionLimits: { lines: maxPushOptions, bytes: maxPushOptionBytes },
    shallow: 'drop',
    anyNamespace: true,
  });
  try {
    return await requests.read();
  } catch (error) {
    const { complete, refs, ...reply } = requests.reply;
    const known = asRefgateError(error);
    if (complete) {
      const updates = [...new Set(refs)].map((ref) => ({ ref }));
      await new PushReporter(session, { ...reply, updates }).refuseAll(known);
      session.isAnswered = true;
    } else if (reply.sideband && known.blame === 'client' && known.code !== 'HUNG_UP') {
      await new PushReporter(session, { ...reply, updates: [] }).breakOff(known);
      session.isAnswered = true;
    }
    if (session.isAnswered && session.channel.mode === 'stateful') await readOn(reader);
    throw known;
  }
}

/** How long a client whose push was broken off may still send, in ms. */
const readOnMs = 1_500;

/** A client that finds the connection closed while it sends never reads why: what it sends is taken and thrown away. */
async function readOn(reader: PktReader): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const over = new Promise<null>((resolve) => {
    timer = setTimeout(() => resolve(null), readOnMs);
  });
  try {
    while ((await Promise.race([reader.take(), over])) !== null);
  } catch {
    // It has gone.
  } finally {
    clearTimeout(timer);
  }
}
