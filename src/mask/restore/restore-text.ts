import type { Oid } from '../../domain/git.ts';
import { namingStretches } from '../view/mask-commit.ts';
import { tagNamingStretches } from '../view/mask-tag.ts';
import { idsIn } from '../view/message-ids.ts';
import { literalRule } from '../view/placeholder.ts';
import type { NamedOids } from '../view/view-function.ts';
import {
  formatObjectText,
  headerOf,
  mapOids,
  type ObjectText,
  parseObjectText,
  valuesOf,
} from './object-text.ts';
import { newSecret, notRestored, type Place } from './refusal.ts';
import type { Sides } from './sides.ts';

/** Headers of a signature over the object. */
export const signatureHeaders: ReadonlySet<string> = new Set(['gpgsig', 'gpgsig-sha256']);

/** Refuses a commit or tag whose text, but for its signature, holds a secret. */
export function refuseSecretsIn(sides: Sides, object: Oid, type: 'commit' | 'tag', text: ObjectText): void {
  const signed = {
    headers: text.headers.filter(({ name }) => !signatureHeaders.has(name)),
    message: text.message,
  };
  const bytes = formatObjectText(signed);
  const { secrets, unscanned } = sides.context.view.find(bytes, { type });
  const secret = secrets.find(({ rule }) => rule !== literalRule);
  if (secret !== undefined) throw newSecret(placeAt(bytes, secret.start, object, type), secret);
  const [why] = unscanned;
  if (why !== undefined)
    throw notRestored(
      { object, in: `the ${type}` },
      `it cannot be searched for secrets (${why}); shorten it`,
    );
}

function placeAt(bytes: Buffer, at: number, object: Oid, type: string): Place {
  const end = bytes.indexOf('\n\n');
  const from = end < 0 || at < end ? 0 : end + 2;
  const line = bytes.toString('latin1', from, at).split('\n').length;
  if (from > 0) return { object, in: 'the message', line };
  const header = bytes.toString('latin1', bytes.lastIndexOf(10, at) + 1, at).split(' ')[0];
  return { object, in: `the ${header === '' ? type : header} line` };
}

/**
 * A message with the oids of originals in the place of those of the view, and of aliases that stood there before.
 * @param parents of the view
 */
export async function withOriginalOids(
  sides: Sides,
  message: string | undefined,
  parents: readonly Oid[],
): Promise<string | undefined> {
  const mapped = message && mapOids(message, sides.context.format, (oid) => sides.mentioned(oid));
  return sides.aliases.putBack(mapped, parents);
}

/** How far back an oid that a text names is looked for. */
const maxAncestors = 2_000;

/**
 * What the view function is to know of oids that a text of the original side names: those of affected commits among
 * these and their ancestors, as far as they are near, those of their views, and what else is affected.
 */
export async function namedOids(
  sides: Sides,
  type: 'commit' | 'tag',
  made: Buffer,
  commits: readonly Oid[],
): Promise<NamedOids> {
  const named = new Map<Oid, Oid>();
  const stretches = type === 'commit' ? namingStretches(made) : tagNamingStretches(made);
  for (const { oid } of commits.length === 0 ? [] : idsIn(made, stretches, sides.context.format)) {
    const original = sides.viewOf(oid) === undefined ? sides.mentioned(oid) : oid;
    if (original !== undefined && original !== sides.viewOf(original)) named.set(oid, original);
  }
  const found = new Map<Oid, Oid>();
  const past = await pastOf(sides, commits, new Set(named.values()));
  for (const [oid, original] of named)
    if (past.has(original)) found.set(oid, sides.viewOf(original) ?? original);
  return {
    viewOfAncestor: (oid) => found.get(oid),
    isAffected: (oid) => sides.viewOf(oid) !== undefined,
  };
}

async function pastOf(
  sides: Sides,
  commits: readonly Oid[],
  wanted: ReadonlySet<Oid>,
): Promise<ReadonlySet<Oid>> {
  const open = new Set(commits);
  const found = new Set<Oid>();
  if (wanted.size === 0) return found;
  let looked = 0;
  for (const oid of open) {
    if (wanted.has(oid)) found.add(oid);
    if (found.size === wanted.size || ++looked > maxAncestors) break;
    const { type, content } = await sides.readOriginal(oid);
    if (type !== 'commit') continue;
    for (const parent of valuesOf(parseObjectText(content), 'parent')) open.add(parent);
  }
  return found;
}

/**
 * A merged tag as the upstream has it: the original where the view's was changed, undefined where it cannot be
 * known. @param value of the header `mergetag`
 */
export async function originalMergetag(sides: Sides, value: string): Promise<string | undefined> {
  const tag = Buffer.from(`${value.replaceAll('\n ', '\n')}\n`, 'latin1');
  const object = headerOf(parseObjectText(tag), 'object');
  if (object === undefined) return value;
  const known = await sides.known(sides.oidOf('tag', tag));
  if (known?.type === 'tag') {
    const { content } = await sides.readOriginal(known.original);
    return content.toString('latin1').replace(/\n$/, '').replaceAll('\n', '\n ');
  }
  const original = sides.mentioned(object);
  return original === undefined || original === object ? value : undefined;
}
