/** The body of a push as bytes, for clients that git would not be. */
import { type ClientRequest, type IncomingMessage, request } from 'node:http';
import type { RefUpdate } from '../../src/domain/git.ts';
import { encodePkt, flushPkt } from '../../src/git/pkt-line.ts';
import { runGit } from '../support/git.ts';
import type { Refgate } from '../support/refgate.ts';
import type { Scene } from './scene.ts';

/** Commands as git writes them, and the pack with what `clone` has and the old oids lack. */
export async function pushBody(clone: string, updates: readonly RefUpdate[]): Promise<Buffer> {
  const wanted = updates.flatMap(({ oldOid, newOid }) =>
    /^0+$/.test(oldOid) ? [newOid] : [newOid, `^${oldOid}`],
  );
  const packed = await runGit(['pack-objects', '--stdout', '--revs', '-q'], {
    cwd: clone,
    input: `${wanted.join('\n')}\n`,
  });
  const lines = updates.map(({ ref, oldOid, newOid }, index) => {
    const capabilities = index === 0 ? '\0report-status side-band-64k agent=test' : '';
    return encodePkt(`${oldOid} ${newOid} ${ref}${capabilities}`);
  });
  return Buffer.concat([...lines, flushPkt, packed.stdoutBytes]);
}

/** A POST of ann's to receive-pack, not yet ended. */
export function postPush(scene: Scene, refgate: Refgate, name: string): ClientRequest {
  const url = new URL(`${scene.url(refgate, name)}/git-receive-pack`);
  const post = request({
    host: url.hostname,
    port: url.port,
    path: url.pathname,
    method: 'POST',
    auth: `ann:${scene.token}`,
    headers: { 'content-type': 'application/x-git-receive-pack-request' },
  });
  post.on('error', () => {});
  return post;
}

/** Sends the whole body; gives status and text of the answer. */
export function sendPush(
  scene: Scene,
  refgate: Refgate,
  name: string,
  body: Buffer,
): Promise<{ status: number | undefined; text: string }> {
  const post = postPush(scene, refgate, name);
  return new Promise((resolve, reject) => {
    post.once('error', reject);
    post.once('response', (response: IncomingMessage) => {
      let text = '';
      response.setEncoding('latin1');
      response.on('data', (piece: string) => {
        text += piece;
      });
      response.once('error', reject);
      response.once('end', () => resolve({ status: response.statusCode, text }));
    });
    post.end(body);
  });
}
