import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { maskedLines, placeholdersIn } from '../../../src/mask/view/masked-lines.ts';
import { findPlaceholders, widen } from '../../../src/mask/view/placeholder.ts';
import type { MaskedContent, MaskedSpan } from '../../../src/mask/view/view-function.ts';
import { bufferBytes, encodings, tokenAt, tokens, undo, viewFunction } from './view-samples.ts';

const view = viewFunction();
const blob = (text: string | Buffer): MaskedContent | undefined => view.blob(Buffer.from(text));
const mustMask = (content: Buffer): MaskedContent => {
  const masked = view.blob(content);
  assert.ok(masked !== undefined);
  return masked;
};

const like = 'REDACTED-github-pat-0123456789abcdef';
const short = ['RDCT', '0123456789abcdef'].join('');

const pieces = fc.oneof(
  { weight: 4, arbitrary: fc.nat(tokens.length - 1).map(tokenAt) },
  { weight: 3, arbitrary: fc.constantFrom('a', ' ', '\n', '-', '=', '"', 'key: ', '0', 'f', '.', 'é', '\t') },
  fc.constantFrom(like, short, 'REDACTED-', 'RDCT', '-0123456789abcdef', '0123456789abcdef', 'REDACTED-a'),
  fc.constantFrom('https://ann:', '@db.acme.io/x\n', 'password = ', 'api_key="', '"\n'),
);

const texts = fc.array(pieces, { maxLength: 9 }).map((parts) => parts.join(''));
const contents = fc
  .tuple(texts, fc.constantFrom(...Object.keys(encodings)))
  .map(([text, name]) => (encodings[name] as (text: string) => Buffer)(text));

test('there are tokens of many rules to try with', () => {
  assert.ok(tokens.length > 50, `${tokens.length}`);
});

test('undoing by the spans gives the original back, and each span says where its secret and its placeholder are', () => {
  fc.assert(
    fc.property(contents, (content) => {
      const masked = view.blob(content);
      if (masked === undefined) return;
      assert.deepEqual(undo(masked), content);
      for (const { start, end, viewStart, secret, placeholder } of masked.spans) {
        assert.deepEqual(content.subarray(start, end), secret);
        const narrow = masked.content.toString('latin1', viewStart, viewStart + placeholder.length);
        const wide = masked.content.subarray(viewStart, viewStart + placeholder.length * 2 - 1);
        assert.ok(narrow === placeholder || wide.equals(widen(placeholder)));
      }
    }),
    { numRuns: 400 },
  );
});

test('nothing but placeholders is found in any view, and masking it again changes those and what they touch', () => {
  fc.assert(
    fc.property(contents, (content) => {
      const masked = view.blob(content);
      const shown = masked?.content ?? content;
      const placeholders = placeholdersIn(shown, masked?.spans);
      assert.equal(placeholders.length, masked?.spans.length ?? 0);
      const { secrets, unscanned } = view.find(shown);
      assert.deepEqual(unscanned, []);
      for (const { start, end, rule } of secrets) {
        assert.ok(
          placeholders.some((one) => start >= one.start && end <= one.end),
          `${rule} at ${start} in ${JSON.stringify(shown.toString('latin1'))}`,
        );
      }
      const again = view.blob(shown);
      if (masked === undefined) assert.equal(again, undefined);
      else assert.deepEqual(undo(again as MaskedContent), shown);
      // What touches a placeholder may be taken for a secret once that ends in another digit.
      const isPlaceholder = ({ start, end, rule }: MaskedSpan) =>
        rule === 'lit' || placeholders.some((one) => start <= one.end + 1 && end >= one.start - 1);
      assert.ok(again?.whole !== undefined || (again?.spans.every(isPlaceholder) ?? true));
    }),
    { numRuns: 400 },
  );
});

test('two contents never have one view', () => {
  const seen = new Map<string, Buffer>();
  const see = (content: Buffer): void => {
    const shown = (view.blob(content)?.content ?? content).toString('latin1');
    const known = seen.get(shown);
    if (known !== undefined) assert.deepEqual(known, content);
    seen.set(shown, content);
  };
  fc.assert(
    fc.property(contents, (content) => {
      see(content);
      // What the view of the other one is, as somebody may have written it.
      const masked = view.blob(content);
      if (masked !== undefined) see(masked.content);
      const again = masked && view.blob(masked.content);
      if (again !== undefined) see(again.content);
    }),
    { numRuns: 400 },
  );
});

test('a secret is masked wherever it lies across the end of a buffer', () => {
  for (const name of ['utf8', 'utf16le with mark', 'utf16be with mark', 'binary']) {
    const encode = encodings[name] as (text: string) => Buffer;
    for (const before of [1, 20, 39, 40, 41]) {
      const token = tokenAt(before);
      const text = `${'word '.repeat(bufferBytes / 5).slice(0, bufferBytes - before)} ${token} end`;
      const masked = mustMask(encode(text));
      assert.equal(masked.content.includes(token), false);
      assert.equal(masked.content.includes(widen(token)), false);
      assert.deepEqual(undo(masked), encode(text));
    }
  }
});

test('the placeholder names the rule, and depends on the key and on the secret alone', () => {
  const token = tokenAt(3);
  const [secret] = view.find(Buffer.from(token)).secrets;
  const masked = blob(`x ${token} y ${tokenAt(4)}\n${token}`);
  const [first, second, third] = masked?.spans ?? [];
  assert.match(first?.placeholder ?? '', new RegExp(`^REDACTED-${secret?.rule}-[0-9a-f]{16}$`));
  assert.equal(first?.placeholder, third?.placeholder);
  assert.notEqual(first?.placeholder, second?.placeholder);
  const other = viewFunction({ key: Buffer.alloc(32, 8) }).blob(Buffer.from(token));
  assert.notEqual(other?.spans[0]?.placeholder, first?.placeholder);
  assert.equal(
    masked?.content.toString(),
    `x ${first?.placeholder} y ${second?.placeholder}\n${first?.placeholder}`,
  );
});

test('text that looks like a placeholder is masked by the rule lit, in bytes and in UTF-16', () => {
  for (const text of [like, short]) {
    for (const content of [Buffer.from(`a ${text}`), Buffer.from(`\ufeffa ${text}`, 'utf16le')]) {
      const masked = mustMask(content);
      assert.deepEqual(
        masked.spans.map(({ rule }) => rule),
        ['lit'],
      );
      assert.deepEqual(undo(masked), content);
    }
  }
  const credentials = blob(`https://ann:${like}@db.acme.io/x`);
  assert.deepEqual(
    credentials?.spans.map(({ rule }) => rule),
    ['lit'],
  );
});

test('in UTF-16 only the characters of a secret are replaced, in the byte order of the text', () => {
  const text = `\ufeffkey ${tokenAt(0)} end\nsecond ü line\n`;
  for (const encode of [
    (s: string) => Buffer.from(s, 'utf16le'),
    (s: string) => Buffer.from(s, 'utf16le').swap16(),
  ]) {
    const { content, spans } = mustMask(encode(text));
    assert.deepEqual(content, encode(text.replace(tokenAt(0), spans[0]?.placeholder ?? '')));
  }
});

test('binary content keeps its length, and is masked as a whole where a secret is too short for that', () => {
  const lengths = new Set<number>();
  for (const token of tokens) {
    const content = Buffer.from(`\0\x01\x02 ${token} \xff\0`, 'latin1');
    const masked = mustMask(content);
    if (masked.whole !== undefined) {
      assert.match(masked.content.toString(), /^REDACTED-[a-z0-9-]+-[0-9a-f]{16}\n$/);
      continue;
    }
    lengths.add(token.length);
    assert.equal(masked.content.length, content.length);
    assert.deepEqual(placeholdersIn(masked.content, masked.spans), [
      { start: 4, end: 4 + token.length, placeholder: masked.spans[0]?.placeholder },
    ]);
  }
  assert.ok(lengths.size > 3);
});

test('an archive that holds a secret becomes one placeholder, and so does what cannot be searched', () => {
  const archive = gzipSync(Buffer.from(`token ${tokenAt(0)}\n`));
  const masked = mustMask(archive);
  assert.equal(typeof masked.whole, 'string');
  assert.match(masked.content.toString(), /^REDACTED-(?!unscanned)[a-z0-9-]+-[0-9a-f]{16}\n$/);
  assert.deepEqual(undo(masked), archive);
  const deep = mustMask(gzipSync(gzipSync(gzipSync(gzipSync(Buffer.from('too deep'))))));
  assert.match(deep.content.toString(), /^REDACTED-unscanned-[0-9a-f]{16}\n$/);
  assert.equal(blob(gzipSync(Buffer.from('nothing in it'))), undefined);
});

test('an encoded run that holds a secret is replaced as a whole', () => {
  const run = Buffer.from(`user=ann\ntoken=${tokenAt(0)}\n`).toString('base64');
  const masked = blob(`data: ${run} end\n`);
  assert.equal(masked?.content.toString(), `data: ${masked?.spans[0]?.placeholder} end\n`);
});

test('what is allowed is shown, and so is what is less sure than asked for', () => {
  const text = Buffer.from(`a ${tokenAt(0)} b ${tokenAt(1)}`);
  const [first] = view.find(text).secrets;
  const allowing = viewFunction({ isAllowed: (fingerprint) => fingerprint === first?.fingerprint });
  assert.deepEqual(
    allowing.blob(text)?.spans.map(({ start }) => start),
    [view.find(text).secrets[1]?.start],
  );
  assert.equal(allowing.find(text).secrets.length, 1);
  assert.deepEqual(
    allowing.find(text, { allowed: true }).secrets.map(({ allowed }) => allowed),
    [true, undefined],
  );
  const weak = Buffer.from('see https://ann:password1@db.acme.io/x\n');
  const every = viewFunction({ confidence: 'low' });
  assert.ok(
    (every.blob(weak)?.spans.length ?? 0) >=
      (viewFunction({ confidence: 'high' }).blob(weak)?.spans.length ?? 0),
  );
});

test('secrets that overlap become one placeholder', () => {
  const run = Buffer.from(`first=${tokenAt(0)}\nsecond=${tokenAt(1)}\n`).toString('base64');
  const masked = blob(`x ${run} y`);
  assert.equal(masked?.spans.length, 1);
  assert.ok(view.find(Buffer.from(`x ${run} y`)).secrets.length >= 2);
});

test('a private key in a patch is masked whole, whether the patch adds it, removes it or shows it', () => {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const lines = privateKey.export({ type: 'pkcs1', format: 'pem' }).toString().trimEnd().split('\n');
  for (const mark of ['+', '-', ' ', '+    ', '-\t']) {
    const patch = ['@@ -1,9 +1,9 @@', ...lines.map((line) => mark + line), ' end', ''].join('\n');
    const { content } = mustMask(Buffer.from(patch));
    for (const line of lines.slice(1, -1)) assert.ok(!content.includes(line), `${mark}: ${line}`);
    assert.ok(content.toString().endsWith('\n end\n'));
  }
});

test('each line of a view that holds placeholders is told with what the original has there, also over several lines', () => {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const block = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString().trimEnd();
  assert.equal(block.split('\n').length, 5);
  const text = `one\r\nkey ${tokenAt(0)} and ${tokenAt(1)}\r\nthree\n  pem: ${block} # end\nlast ${tokenAt(2)}`;
  for (const encode of [
    (s: string) => Buffer.from(s),
    (s: string) => Buffer.from(`\ufeff${s}`, 'utf16le'),
    (s: string) => Buffer.from(`\ufeff${s}`, 'utf16le').swap16(),
  ]) {
    const original = encode(text);
    const masked = mustMask(original);
    const lines = maskedLines(original, masked);
    const bare = (s: string) => encode(s).subarray(encode('').length);
    assert.deepEqual(
      lines.map((line) => [line.viewLine, line.originalLine, line.spans.length]),
      [
        [2, 2, 2],
        [4, 4, 1],
        [5, 9, 1],
      ],
    );
    assert.deepEqual(
      lines.map((line) => line.original),
      [
        bare(`key ${tokenAt(0)} and ${tokenAt(1)}\r`),
        bare(`  pem: ${block} # end`),
        bare(`last ${tokenAt(2)}`),
      ],
    );
    for (const line of lines) {
      assert.deepEqual(masked.content.subarray(line.viewStart, line.viewStart + line.view.length), line.view);
      assert.deepEqual(
        original.subarray(line.originalStart, line.originalStart + line.original.length),
        line.original,
      );
    }
    assert.deepEqual(
      placeholdersIn(masked.content).map(({ line }) => line),
      [2, 2, 4, 5],
    );
  }
  const archive = gzipSync(Buffer.from(tokenAt(0)));
  const [whole] = maskedLines(archive, mustMask(archive));
  assert.deepEqual(whole?.original, archive);
});

test('placeholders of either form are found side by side, and nothing around them belongs to them', () => {
  const text = `${like}${short}-0123456789abcdef0${like}0f-${like}`;
  assert.deepEqual(
    findPlaceholders(Buffer.from(text)).map(({ placeholder }) => placeholder),
    [like, short, like, like],
  );
});
