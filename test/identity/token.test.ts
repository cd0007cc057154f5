import assert from 'node:assert/strict';
import { test } from 'node:test';
import { crc32 } from 'node:zlib';
import { hashToken, isToken, makeToken, makeTokenId } from '../../src/identity/token.ts';

test('a token has the documented form, and no two are alike', () => {
  const tokens = new Set(Array.from({ length: 200 }, makeToken));
  assert.equal(tokens.size, 200);
  for (const token of tokens) {
    assert.match(token, /^rgt_[A-Za-z0-9_-]{49}$/);
    const checksum = Buffer.from(token.slice(-6), 'base64url').readUInt32BE();
    assert.equal(checksum, crc32(token.slice(0, -6)));
    assert.ok(isToken(token));
  }
});

test('a token with any one character changed is not one', () => {
  const token = makeToken();
  for (let at = 0; at < token.length; at++) {
    const changed = token.slice(0, at) + (token[at] === 'A' ? 'B' : 'A') + token.slice(at + 1);
    assert.equal(isToken(changed), false, changed);
  }
  for (const text of ['', `${token}A`, ` ${token}`, `${token}\n`, token.slice(0, -1)])
    assert.equal(isToken(text), false);
});

test('neither the hash nor the public id shows the token', () => {
  const token = makeToken();
  assert.equal(hashToken(token).length, 32);
  assert.match(makeTokenId(), /^tok-[0-9a-f]{16}$/);
});
