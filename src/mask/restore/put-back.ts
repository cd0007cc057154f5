import { encodingOf } from '../view/encoding.ts';
import { type PlacedPlaceholder, placeholdersIn } from '../view/masked-lines.ts';
import { ruleOfPlaceholder } from '../view/placeholder.ts';
import { type KeptLines, keyOf, lineAround } from './kept-lines.ts';

/** A placeholder that does not stand on its own line. */
export interface LooseUse {
  readonly rule: string;
  /** Counted from 1; absent in binary content. */
  readonly line?: number | undefined;
  /** `moved`: on a line of a file that is deleted by the same commit. */
  readonly how: 'moved' | 'new';
}

/** Where the secrets of placeholders come from. */
export interface SecretSource {
  /** Lines of the same path. */
  readonly own: KeptLines;
  /** A line of a file that goes with the same commit. */
  moved(key: string): Promise<Buffer | undefined>;
  /** Any secret of the repository. */
  secretOf(placeholder: string): { readonly rule: string; readonly secret: Buffer } | undefined;
}

interface PutBack {
  readonly content: Buffer;
  readonly uses: readonly LooseUse[];
  /** Placeholders that stand for nothing. */
  readonly unknown: readonly PlacedPlaceholder[];
}

/** A piece of content that holds placeholders and is compared as a whole. */
interface Held {
  readonly key: string;
  readonly from: number;
  readonly to: number;
  readonly places: readonly PlacedPlaceholder[];
}

/**
 * Content with its secrets in the place of placeholders: whole lines where they stood before, and otherwise the
 * secret that each stands for, which is told as a use.
 */
export async function putBack(content: Buffer, source: SecretSource): Promise<PutBack> {
  const pieces: Buffer[] = [];
  const uses: LooseUse[] = [];
  const unknown: PlacedPlaceholder[] = [];
  let at = 0;
  for (const { key, from, to, places } of heldIn(content, source.own)) {
    pieces.push(content.subarray(at, from));
    at = to;
    const own = source.own.take(key);
    const line = own ?? (await source.moved(key));
    if (own === undefined) {
      const how = line === undefined ? 'new' : 'moved';
      for (const place of places) uses.push({ rule: ruleOf(place, source), line: place.line, how });
    }
    pieces.push(line ?? loosely(content, from, to, places, source, unknown));
  }
  pieces.push(content.subarray(at));
  return { content: Buffer.concat(pieces), uses, unknown };
}

/** The uses alone, of content whose original is known. */
export async function usesOf(content: Buffer, source: SecretSource): Promise<readonly LooseUse[]> {
  const uses: LooseUse[] = [];
  for (const { key, places } of heldIn(content, source.own)) {
    if (source.own.take(key) !== undefined) continue;
    const how = (await source.moved(key)) === undefined ? 'new' : 'moved';
    for (const place of places) uses.push({ rule: ruleOf(place, source), line: place.line, how });
  }
  return uses;
}

function heldIn(content: Buffer, own: KeptLines): readonly Held[] {
  const found = placeholdersIn(content, own.spans);
  const encoding = encodingOf(content);
  if (encoding === 'binary')
    return found.map((place) => ({
      key: place.placeholder,
      from: place.start,
      to: place.end,
      places: [place],
    }));
  const held: Held[] = [];
  for (let i = 0; i < found.length; ) {
    const first = found[i] as PlacedPlaceholder;
    const [from, to] = lineAround(content, first.start, encoding);
    const places: PlacedPlaceholder[] = [];
    for (let place = found[i]; place !== undefined; place = found[++i]) {
      if (places.length > 0 && place.start >= to) break;
      places.push(place);
    }
    held.push({ key: keyOf(content.subarray(from, to), encoding), from, to, places });
  }
  return held;
}

const ruleOf = ({ placeholder }: PlacedPlaceholder, source: SecretSource): string =>
  source.secretOf(placeholder)?.rule ?? ruleOfPlaceholder(placeholder) ?? 'unknown';

function loosely(
  content: Buffer,
  from: number,
  to: number,
  places: readonly PlacedPlaceholder[],
  source: SecretSource,
  unknown: PlacedPlaceholder[],
): Buffer {
  const pieces: Buffer[] = [];
  let at = from;
  for (const place of places) {
    const kept = source.secretOf(place.placeholder);
    if (kept === undefined) {
      unknown.push(place);
      continue;
    }
    pieces.push(content.subarray(at, place.start), kept.secret);
    at = place.end;
  }
  pieces.push(content.subarray(at, to));
  return Buffer.concat(pieces);
}
