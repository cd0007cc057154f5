import { createReadStream } from 'node:fs';
import type { MovedSecrets, PlaceholderUse, RestoredPush } from '../domain/mask.ts';
import { oidWords } from '../git/oid-words.ts';
import type { WalkableHeldPack } from '../inspect/quarantine.ts';
import type { Push } from './read-push.ts';

/** A push as its upstream will get it. */
export interface OriginalPush {
  readonly push: Push;
  readonly held: WalkableHeldPack | undefined;
  readonly placeholders?: readonly PlaceholderUse[];
  readonly moved?: readonly MovedSecrets[];
}

/**
 * The push of somebody who reads a view, put back onto the originals: everything after this sees the original side. What
 * becomes of the pack that came is the caller's until this returns, and belongs to nobody when it throws after the
 * originals' own pack took its place. Throws as `MaskedViews.restore` and `Quarantine.hold`.
 */
export async function restorePush(push: Push, came: WalkableHeldPack | undefined): Promise<OriginalPush> {
  const { deps, session, request } = push;
  const { view } = session;
  if (view === undefined) return { push, held: came };
  const { signal } = session.channel;
  const held = came === undefined ? {} : { held: { gitDir: came.gitDir, objectFormat: came.objectFormat } };
  const restored = await deps.views.restore({ session: session.id, view, request, signal, ...held });
  session.reader?.brought(restored.isClear === true ? 'clear' : shownWords(push, restored));
  session.reader?.keep(session.id, ...request.updates.flatMap(({ oldOid, newOid }) => [oldOid, newOid]));
  try {
    const { updates, pairs, pairCount, placeholders, moved } = restored;
    await session.record('push.restored', {
      updates: [...updates],
      pairs: [...pairs],
      pairCount,
      placeholders: [...placeholders],
    });
    return {
      push: { ...push, request: { ...request, updates } },
      held: restored.pack === undefined ? came : await holdAgain(push, came, restored.pack),
      placeholders,
      ...(moved === undefined ? {} : { moved }),
    };
  } finally {
    await restored.release();
  }
}

/** What of the push may be repeated to its client: nothing where a name in it may be a guess, as with its contents. */
function shownWords({ request }: Push, { words }: RestoredPush): readonly string[] | undefined {
  const oids = request.updates.flatMap(({ oldOid, newOid }) => [oldOid, newOid]);
  const shown = new Set([...(words ?? []), ...oids]);
  const names = [...request.pushOptions, ...request.updates.map(({ ref }) => ref)];
  const isPlain = names.every((name) => [...oidWords(name)].every((word) => shown.has(word)));
  return isPlain ? words : undefined;
}

/** The pack that goes upstream is held, hashed, indexed and searched like one that a client sent, in the place of that one. */
async function holdAgain(
  { deps, session, request, reporter }: Push,
  came: WalkableHeldPack | undefined,
  pack: NonNullable<RestoredPush['pack']>,
): Promise<WalkableHeldPack> {
  await came?.release();
  return await deps.quarantine.hold(createReadStream(pack.file), {
    id: session.id,
    objectFormat: request.objectFormat,
    signal: session.channel.signal,
    // It is whole: a base that is missing is nobody's to lend.
    borrow: async () => [],
    onProgress: (work) => reporter.progress.take(work),
  });
}
