/**
 * A push that attacks who reads it, before they decide:
 *
 * 1. Everything that a peer chooses (ref names, paths, commit messages, names
 *    and addresses of authors, push options, file contents, reasons of votes,
 *    what the upstream says) holds HTML, script, addresses of scripts, quotes
 *    that end an attribute, bidi controls, invisible characters or escape
 *    sequences of terminals.
 * 2. A reviewer opens the inbox, the push, and one of its files, or is refused
 *    a vote whose reason holds the same.
 *
 * Held when the pages have the elements, attributes and link targets that they
 * have with harmless text, and nothing in them hides or reorders what is read.
 */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import fc from 'fast-check';
import { RefgateError } from '../../src/domain/error.ts';
import { addHostilePush } from '../support/hostile-push.ts';
import { type PushServer, startPushServer } from '../support/push-server.ts';

const payloads: Readonly<Record<string, string>> = {
  'a script element': '<script>alert(1)</script>',
  'an image with a handler, out of an attribute': '"><img src=x onerror=alert(1)>',
  'the same out of single quotes': "'><svg/onload=alert(1)>",
  'the end of a text area': '</textarea><script>alert(1)</script>',
  'the end of the code': '</code></td></table><iframe src="//example.com">',
  'an address of a script': 'javascript:alert(1)',
  'an address of data': 'data:text/html,<script>alert(1)</script>',
  'a comment and CDATA': '<!--<![CDATA[<b>--> ]]>',
  'entities that are decoded twice': '&lt;script&gt;alert(1)&lt;/script&gt; &#60;b&#62;',
  'bidi controls': 'if (isAdmin\u202e \u2066// check\u2069 \u2066',
  'invisible characters': 'ma\u200bin\u00ad\u2060\ufeff\u{e0041}',
  'escape sequences of a terminal': '\u001b[2J\u001b]8;;http://example.com\u0007link\u009b31m',
  'NUL and other controls': 'a\u0000b\u0008c\u007f',
  'unpaired surrogates': 'a\ud800b\udc00',
  'separators of a path and a query': '../../x?ref=y&path=z#w%00%2f',
};

/** Everything that acts or is not seen; line ends and tabs are the renderer's. */
const acts = /(?![\n\t])[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/u;

/** The pages on which the text appears, and the one that says why a vote was refused. */
async function pagesWith(server: PushServer, text: string): Promise<readonly string[]> {
  addHostilePush(server, text);
  server.held.refuse = undefined;
  const pages: string[] = [];
  const query = new URLSearchParams({ ref: text, path: text });
  const search = new URLSearchParams({ tab: 'open', user: `${text.slice(0, 500)}x` });
  const paths = ['/pushes', `/pushes?${search}`, '/pushes/p-abc1234', '/pushes/p-abc1234?view=split'];
  for (const path of [...paths, `/pushes/p-abc1234/file?${query}`]) {
    const page = await server.page(path);
    assert.equal(page.status, 200, path);
    pages.push(page.text);
  }
  server.held.refuse = new RefgateError('VOTE_REFUSED', 'client', text);
  const refused = await server.post('/pushes/p-abc1234/vote', { kind: 'approve', reason: text });
  assert.equal(refused.status, 403);
  pages.push(await refused.text());
  return pages;
}

/** The tags of a page as the browser cuts them, each with the names of its attributes; quotes hold what is in them. */
function shapeOf(page: string): readonly string[] {
  const tags = page.match(/<[a-z!/](?:"[^"]*"|[^">])*>/gi) ?? [];
  return tags.map((tag) => tag.replace(/="[^"]*"/g, '='));
}

function checkLinks(page: string): void {
  for (const [, target = ''] of page.matchAll(/(?:href|src|action)="([^"]*)"/g))
    assert.match(target, /^(\/-\/|#)/, `a link to ${target}`);
}

/** Fields hold what their viewer typed, unchanged. */
function withoutFields(page: string): string {
  return page.replace(/<input (?:"[^"]*"|[^">])*>|<textarea[^>]*>[^<]*<\/textarea>/g, '');
}

async function checkPages(
  server: PushServer,
  text: string,
  shapes: readonly (readonly string[])[],
): Promise<void> {
  const pages = await pagesWith(server, text);
  pages.forEach((page, at) => {
    assert.ok(!acts.test(withoutFields(page)), `page ${at} holds what is not seen`);
    checkLinks(page);
    assert.deepEqual(shapeOf(page), shapes[at], `page ${at}`);
  });
}

async function start(t: TestContext) {
  const server = await startPushServer(t);
  const shapes = (await pagesWith(server, 'harmless')).map(shapeOf);
  return { server, shapes };
}

for (const [what, text] of Object.entries(payloads))
  test(`${what} stays text on every page`, async (t) => {
    const { server, shapes } = await start(t);
    await checkPages(server, text, shapes);
  });

test('whatever a peer writes, pages keep their elements and links', async (t) => {
  const { server, shapes } = await start(t);
  const piece = fc.constantFrom(
    '<',
    '>',
    '"',
    "'",
    '&',
    '/',
    '`',
    '=',
    ' ',
    '\u202e',
    '\u0000',
    'script',
    'x',
    '***',
    '&#x3c;',
  );
  const text = fc.array(fc.oneof(piece, fc.string({ unit: 'binary', maxLength: 4 })), {
    minLength: 1,
    maxLength: 8,
  });
  await fc.assert(
    fc.asyncProperty(text, async (pieces) => {
      // A kind of token, and what a line holds, may be words of ours: then the page is another, and rightly so.
      const whole = `~${pieces
        .join('')
        .replace(/[\r\n]/g, '')
        .replaceAll('***', '**')}`;
      await checkPages(server, whole, shapes);
    }),
    { numRuns: 60 },
  );
});

test('a path is found again by the link that was made of it', async (t) => {
  const server = await startPushServer(t);
  const path = 'a b/\u202e&"<%2f>?#+.ts';
  addHostilePush(server, path);
  let asked: string | undefined;
  const { diffed } = server.reviews;
  server.reviews.diffed = () => new Promise(() => {});
  const { text } = await server.page('/pushes/p-abc1234');
  const href = /href="\/-(\/pushes\/p-abc1234\/file[^"]*)"/.exec(text)?.[1]?.replaceAll('&amp;', '&') ?? '';
  server.reviews.diffed = (wanted) => {
    asked = wanted;
    return diffed(wanted);
  };
  assert.equal((await server.page(href)).status, 200);
  assert.equal(asked, path);
});
