/** Writes down every byte that a server sends to git clients, and takes it apart into what its readers see. */
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer, request as requestOf } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';

export interface HttpEar {
  /** In the place of the server. */
  readonly url: string;
  /** Every answer: its status, headers and body, the body without its transfer. */
  readonly answers: Buffer[];
}

/** A way to the server at `origin` that keeps what comes back. It ends with the test. */
export async function listenOverHttp(
  t: { after(close: () => unknown): void },
  origin: string,
): Promise<HttpEar> {
  const answers: Buffer[] = [];
  const server = createServer((asked, answer) => {
    const { method, headers, url = '' } = asked;
    const options = { method, headers, agent: false };
    const passed = requestOf(new URL(url, origin), options, async (came) => {
      const pieces: Buffer[] = [Buffer.from(`${came.statusCode} ${came.rawHeaders.join('\n')}\n`)];
      answer.writeHead(came.statusCode ?? 500, came.headers);
      const body: Buffer[] = [];
      for await (const piece of came) {
        body.push(piece as Buffer);
        answer.write(piece);
      }
      answer.end();
      const whole = Buffer.concat(body);
      answers.push(
        Buffer.concat([...pieces, came.headers['content-encoding'] === 'gzip' ? gunzipSync(whole) : whole]),
      );
    });
    passed.on('error', () => answer.destroy());
    asked.pipe(passed);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, answers };
}

/** An ssh command for git, like `command`, that appends what comes back to a file. */
export function listenOverSsh(dir: string, command: string): { readonly command: string; heard(): Buffer } {
  const [file, script] = [join(dir, 'heard-over-ssh'), join(dir, 'listening-ssh')];
  writeFileSync(script, `#!/bin/sh\n${command} "$@" 2>>'${file}.said' | tee -a '${file}'\n`);
  chmodSync(script, 0o755);
  const read = (name: string): Buffer => (existsSync(name) ? readFileSync(name) : Buffer.alloc(0));
  return {
    command: `'${script}'`,
    heard: () => Buffer.concat([read(file), Buffer.from('\n'), read(`${file}.said`)]),
  };
}

/**
 * What a reader sees of bytes on the wire: the bytes themselves, the payloads of pkt-lines behind one another, those of
 * each sideband too (without packs), and what base64 in them says.
 */
export function heardIn(bytes: Buffer): string {
  const bands: Record<number, string> = { 1: '', 2: '', 3: '' };
  let plain = '';
  for (let at = 0; at + 4 <= bytes.length; ) {
    const digits = bytes.toString('latin1', at, at + 4);
    const length = /^[0-9a-f]{4}$/.test(digits) ? Number.parseInt(digits, 16) : 0;
    if (length < 4 || at + length > bytes.length) {
      at += length === 0 && digits !== '0000' ? 1 : 4;
      continue;
    }
    const payload = bytes.toString('latin1', at + 4, at + length);
    const band = payload.charCodeAt(0);
    if (band in bands) bands[band] += payload.slice(1);
    plain += payload;
    at += length;
  }
  const text = [bytes.toString('latin1'), plain, ...Object.values(bands)].join('\n');
  const decoded = [...text.matchAll(/[A-Za-z0-9+/]{12,}={0,2}/g)].flatMap(([word]) =>
    [0, 1, 2, 3].map((from) => Buffer.from(word.slice(from), 'base64').toString('latin1')),
  );
  return [text, ...decoded].join('\n');
}

/** Every object of a repository that holds objects elsewhere too. */
export function objectsOf(gitDir: string): readonly string[] {
  const args = ['cat-file', '--batch-all-objects', '--batch-check=%(objectname)'];
  return execFileSync('git', args, { cwd: gitDir }).toString().trim().split('\n');
}
