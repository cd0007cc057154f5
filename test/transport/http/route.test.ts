import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { RefgateError } from '../../../src/domain/error.ts';
import { HttpRefusal } from '../../../src/transport/http/refuse.ts';
import { readBasic } from '../../../src/transport/http/request-headers.ts';
import { readRoute } from '../../../src/transport/http/route.ts';

test('a repository is found with and without .git, for both services', () => {
  for (const repo of ['/acme/web', '/acme/web.git']) {
    for (const service of ['upload-pack', 'receive-pack'] as const) {
      const found = { service, repo: 'acme/web' };
      const query = `service=git-${service}`;
      assert.deepEqual(readRoute('GET', `${repo}/info/refs?${query}`), { kind: 'advertise', ...found });
      assert.deepEqual(readRoute('POST', `${repo}/git-${service}`), { kind: 'rpc', ...found });
    }
  }
});

const piece = fc.oneof(
  fc.constantFrom(
    'acme',
    'web.git',
    '..',
    '.',
    '%2e',
    '%2f',
    '~',
    '',
    'info',
    'refs',
    'git-upload-pack',
    'objects',
  ),
  fc.string({ maxLength: 6 }),
);
const target = fc
  .tuple(
    fc.array(piece, { maxLength: 6 }),
    fc.constantFrom('', '/info/refs?service=git-upload-pack', '/git-upload-pack'),
  )
  .map(([pieces, end]) => `/${pieces.join('/')}${end}`);

test('any target is a route to a plain OWNER/REPO, or a refusal', () => {
  fc.assert(
    fc.property(fc.constantFrom('GET', 'POST'), target, (method, text) => {
      try {
        const route = readRoute(method, text);
        if (route.kind === 'lfs') return;
        assert.match(route.repo, /^[A-Za-z0-9_][A-Za-z0-9._-]*(?:\/[A-Za-z0-9_][A-Za-z0-9._-]*)+$/);
        assert.ok(text.startsWith(`/${route.repo}`));
      } catch (error) {
        assert.ok(error instanceof HttpRefusal || error instanceof RefgateError, String(error));
      }
    }),
  );
});

test('user name and token come back as they were given', () => {
  const name = fc.string({ minLength: 1, maxLength: 40 }).filter((text) => !text.includes(':'));
  fc.assert(
    fc.property(name, fc.string({ maxLength: 60, unit: 'grapheme' }), (user, token) => {
      const header = `Basic ${Buffer.from(`${user}:${token}`).toString('base64')}`;
      assert.deepEqual(readBasic(header), { user, token });
    }),
  );
});

test('any other header is nobody', () => {
  fc.assert(
    fc.property(fc.string(), (text) => {
      assert.deepEqual(readBasic(text), { user: '', token: '' });
    }),
  );
});
