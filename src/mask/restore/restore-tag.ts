import type { ObjectType, Oid } from '../../domain/git.ts';
import { unsignedWord } from '../view/unsigned.ts';
import { formatObjectText, headerOf, type ObjectText, parseObjectText } from './object-text.ts';
import { isShownElse, type OnPin, refuseTwin } from './restore-commit.ts';
import { namedOids, refuseSecretsIn, signatureHeaders, withOriginalOids } from './restore-text.ts';
import type { Sides } from './sides.ts';

/** What a tag names. */
interface Tagged {
  readonly oid: Oid;
  readonly type: ObjectType;
}

export function taggedBy(content: Buffer): Tagged {
  const text = parseObjectText(content);
  return { oid: headerOf(text, 'object') as Oid, type: headerOf(text, 'type') as ObjectType };
}

const signatureStart = /^-----BEGIN (?:PGP SIGNATURE|PGP MESSAGE|SSH SIGNATURE|SIGNED MESSAGE)-----$/m;
const ourLine = new RegExp(`(?<=^|\n)${unsignedWord} [0-9a-f]{32}\n?$`);

/** The original of a tag whose object is restored. Throws VIEW_* (client). */
export async function restoreTag(
  sides: Sides,
  view: Oid,
  content: Buffer,
  object: Oid,
  onPin: OnPin,
): Promise<Oid> {
  const text = parseObjectText(content);
  refuseSecretsIn(sides, view, 'tag', unsigned(text));
  const made = await rewrite(sides, text, object);
  const original = made === undefined ? view : sides.made.add('tag', made);
  const { oid: shownObject, type } = taggedBy(content);
  const viewOf = (oid: Oid) => (oid === object && shownObject !== oid ? shownObject : undefined);
  const isBehind = shownObject !== object && type === 'commit';
  const named = await namedOids(sides, 'tag', made ?? content, isBehind ? [object] : []);
  const masked = sides.context.view.tag(made ?? content, viewOf, named);
  const shown = masked?.content ?? made ?? content;
  if (!shown.equals(content) || isShownElse(sides, original, view)) {
    await refuseTwin(sides, view, original, 'tag');
    onPin(original, { view, type: 'tag', content });
  }
  sides.pair('tag', view, original);
  return original;
}

/** Undefined where the tag is the same on both sides. */
async function rewrite(sides: Sides, text: ObjectText, object: Oid): Promise<Buffer | undefined> {
  const headers = text.headers.map((header) =>
    header.name === 'object' ? { name: 'object', value: object } : header,
  );
  const message = (await withOriginalOids(sides, text.message, []))?.replace(ourLine, '');
  const made = { headers, message };
  return formatObjectText(made).equals(formatObjectText(text)) ? undefined : formatObjectText(unsigned(made));
}

function unsigned({ headers, message }: ObjectText): ObjectText {
  const at = message?.search(signatureStart) ?? -1;
  return {
    headers: headers.filter(({ name }) => !signatureHeaders.has(name)),
    message: at < 0 ? message : message?.slice(0, at),
  };
}
