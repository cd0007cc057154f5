/** Packs that are indexed and searched in this thread, with rules that need no files. */
import { join } from 'node:path';
import type { ScannedBlob, ScannedSecret } from '../../src/inspect/contents/walk-order.ts';
import { type IndexedContents, IndexPack } from '../../src/inspect/index-pack.ts';
import { defaultPackLimits } from '../../src/inspect/quarantine.ts';
import type { SecretRule } from '../../src/inspect/secrets/rule.ts';
import { ObjectScanner, type ScannedContent } from '../../src/inspect/secrets/scan-object.ts';
import { Scanner } from '../../src/inspect/secrets/scanner.ts';
import type { BorrowedObject } from '../../src/inspect/thin-pack.ts';

/** What the first rule finds: `tok_` and 24 letters or digits. */
export const token = (n: number): string => `tok_${n.toString(36).padStart(24, '0')}`;

const isWord = (byte: number | undefined) => byte !== undefined && /\w/.test(String.fromCharCode(byte));

function rule(id: string, keyword: string, shape: RegExp, admit?: SecretRule['admit']): SecretRule {
  return {
    id,
    family: 'test',
    title: id,
    tier: 'B',
    keywords: [keyword],
    ignoreCase: false,
    matcher: {
      before: 1,
      after: 200,
      find(data, from, to, at) {
        if (at > from && isWord(data[at - 1])) return undefined;
        const found = shape.exec(data.toString('latin1', at, to));
        const start = at + (found?.[0].length ?? 0) - (found?.[1]?.length ?? 0);
        const end = at + (found?.[0].length ?? 0);
        return found === null || isWord(data[end]) ? undefined : { start, end };
      },
    },
    ...(admit === undefined ? {} : { admit }),
  };
}

/** A token of its own; a value that is one only near a word; and both unless their line says `SAMPLE`. */
export const rules: readonly SecretRule[] = [
  rule('token', 'tok_', /^(tok_[0-9a-z]{24})/, (_, line) => !line.includes('SAMPLE')),
  rule('near', 'pin', /^pin[\s\S]{0,60}?: ([0-9]{12})/, (_, line) => !line.includes('SAMPLE')),
];

/** Counts how often only parts were searched. */
export class CountingScanner extends ObjectScanner {
  whole = 0;
  inRanges = 0;

  constructor() {
    super(new Scanner(rules), Buffer.alloc(32, 7));
  }

  override blob(...args: Parameters<ObjectScanner['blob']>): ScannedContent {
    if (args[1] === undefined) this.whole++;
    else this.inRanges++;
    return super.blob(...args);
  }
}

export interface Indexed extends IndexedContents {
  close(): void;
}

export async function indexPack(
  folder: string,
  bytes: Buffer,
  scanner: ObjectScanner,
  borrow: (oids: readonly string[]) => Promise<readonly BorrowedObject[]> = async () => [],
): Promise<Indexed> {
  const index = new IndexPack({
    dir: join(folder, `indexed-${process.hrtime.bigint()}`),
    objectFormat: 'sha1',
    limits: defaultPackLimits,
    scanner,
    borrow,
    onProgress: () => {},
  });
  for (let at = 0; at < bytes.length; at += 65_536) index.write(bytes.subarray(at, at + 65_536));
  await index.finish();
  return { ...index.contents(), close: () => index.close() };
}

/** What is compared of findings. */
export function placesOf(scanned: Pick<ScannedBlob, 'secrets'> | undefined): string[] {
  return (scanned?.secrets ?? []).map(
    ({ match, line, comment, fingerprint }: ScannedSecret) =>
      `${match.rule.id} ${match.start}-${match.end} line ${line} ${comment} ${fingerprint} ${match.value}`,
  );
}
