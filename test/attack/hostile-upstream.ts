/** An upstream that speaks smart HTTP as a test wants it to, which no real git server would. */
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { encodePkt, flushPkt } from '../../src/git/pkt-line.ts';
import { laySiege, type Siege, type SiegeOptions, zero } from './siege.ts';

/** What the upstream is asked: `advertise` is info/refs. */
export interface Asked {
  readonly service: 'upload-pack' | 'receive-pack';
  readonly kind: 'advertise' | 'ls-refs' | 'fetch' | 'push';
  readonly body: Buffer;
}

/** Answers by itself, and says so; false for what an honest upstream says. */
export type Behaviour = (asked: Asked, response: ServerResponse) => boolean | Promise<boolean>;

export interface HostileSiege extends Siege {
  /** How the repository `acme/NAME` behaves. */
  behave(name: string, behaviour: Behaviour): void;
  /** Requests that are being answered now. */
  answering(): number;
}

const v2 = [
  'version 2\n',
  'agent=hostile\n',
  'ls-refs=unborn\n',
  'fetch=shallow filter\n',
  'object-format=sha1\n',
];
const receive = 'report-status side-band-64k delete-refs atomic ofs-delta object-format=sha1 agent=hostile';

export const lines = (texts: readonly string[]): Buffer =>
  Buffer.concat([...texts.map((text) => encodePkt(text)), flushPkt]);

/** One sideband pkt-line. */
export const band = (number: number, data: string | Buffer): Buffer =>
  encodePkt(Buffer.concat([Buffer.from([number]), Buffer.from(data)]));

/** A report as it stands on band 1. */
export const report = (texts: readonly string[]): Buffer => band(1, lines(texts));

/** Writes the same bytes until the other side has gone. */
export async function writeForEver(response: ServerResponse, bytes: Buffer): Promise<void> {
  const gone = once(response, 'close').then(() => true);
  for (let isGone = false; !isGone; ) {
    if (response.write(bytes))
      isGone = await Promise.race([gone, new Promise<false>((go) => setImmediate(go, false))]);
    else isGone = await Promise.race([gone, once(response, 'drain').then(() => false)]);
  }
}

export async function layHostileSiege(
  t: { after(close: () => unknown): void },
  options: SiegeOptions = {},
): Promise<HostileSiege> {
  const behaviours = new Map<string, Behaviour>();
  let answering = 0;
  const server = createServer((request, response) => {
    answering += 1;
    response.once('close', () => {
      answering -= 1;
    });
    response.on('error', () => {});
    answer(behaviours, request, response).catch(() => response.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const siege = await laySiege(t, {
    ...options,
    config: {
      upstreams: { web: { http: { url: `http://127.0.0.1:${port}` } } },
      repos: [{ path: 'acme/*', upstream: 'web' }],
      ...options.config,
    },
  });
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const login = ['upstream', 'credential', 'web', '--user', 'machine', '--password-file', '-'];
  await siege.refgate.ok(login, `${randomBytes(8).toString('hex')}\n`);
  return {
    ...siege,
    behave: (name, behaviour) => void behaviours.set(name, behaviour),
    answering: () => answering,
  };
}

async function answer(
  behaviours: ReadonlyMap<string, Behaviour>,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const [, name = '', rest = ''] = /^\/acme\/([^/]+)\.git\/(.*)$/.exec(request.url ?? '') ?? [];
  const service = rest.includes('receive-pack') ? 'receive-pack' : 'upload-pack';
  const pieces: Buffer[] = [];
  for await (const piece of request) pieces.push(piece as Buffer);
  const body = Buffer.concat(pieces);
  const isAdvertisement = rest.startsWith('info/refs');
  const command = body.includes('command=ls-refs') ? 'ls-refs' : 'fetch';
  const kind = isAdvertisement ? 'advertise' : service === 'receive-pack' ? 'push' : command;
  const type = `application/x-git-${service}-${isAdvertisement ? 'advertisement' : 'result'}`;
  response.setHeader('content-type', type);
  const behaviour = behaviours.get(name);
  if (await behaviour?.({ service, kind, body }, response)) return;
  response.end(honest(kind, service));
}

/** An empty repository that takes everything. */
function honest(kind: Asked['kind'], service: Asked['service']): Buffer {
  if (kind === 'ls-refs') return flushPkt;
  if (kind !== 'advertise') return lines(['ERR upload-pack: not our ref']);
  const prelude = Buffer.concat([encodePkt(`# service=git-${service}\n`), flushPkt]);
  const said = service === 'upload-pack' ? v2 : [`${zero} capabilities^{}\0${receive}\n`];
  return Buffer.concat([prelude, lines(said)]);
}
