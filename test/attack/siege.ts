/**
 * A whole Refgate under attack: `refgate serve` before bare repositories on
 * this disk, people with different grants, and clients that say what no git says.
 */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { encodePkt, flushPkt, PktDecoder } from '../../src/git/pkt-line.ts';
import { admin } from '../fault/scene.ts';
import { type ClientKey, makeClientKey } from '../support/client.ts';
import { tempDir } from '../support/git.ts';
import { type Refgate, startRefgate } from '../support/refgate.ts';

export type Person = 'ann' | 'rob' | 'wes' | 'eve';

/** ann reads and writes, rob reads, wes writes, eve may nothing. */
const groups: Readonly<Record<Person, string>> = {
  ann: 'dev',
  rob: 'readers',
  wes: 'writers',
  eve: 'strangers',
};

export const access = [
  { who: { group: 'dev' }, repo: ['acme/*'], may: ['read', 'write'] },
  { who: { group: 'readers' }, repo: ['acme/*'], may: ['read'] },
  { who: { group: 'writers' }, repo: ['acme/*'], may: ['write'] },
];

export interface SiegeOptions {
  /** Over the `path` upstream of refgate.yaml, key by key. */
  readonly config?: Readonly<Record<string, unknown>>;
  /** Rules of the policy that deny, below its access lines. */
  readonly denials?: readonly object[];
  readonly access?: readonly unknown[];
  readonly env?: Readonly<Record<string, string>>;
}

export interface Login {
  readonly token: string;
  readonly key: ClientKey;
}

export interface Siege {
  readonly refgate: Refgate;
  readonly dir: string;
  readonly root: string;
  gitDir(name: string): string;
  /** Makes the person at the first call. */
  login(person: Person): Promise<Login>;
  url(name: string, person?: Person): Promise<string>;
  sshUrl(name: string): string;
  /** What a client sends over HTTP, byte for byte. */
  ask(request: Ask): Promise<Answer>;
}

export interface Ask {
  readonly person?: Person;
  readonly repo: string;
  readonly service: 'upload-pack' | 'receive-pack';
  /** The second half of smart HTTP; left out, the advertisement is asked for. */
  readonly body?: Buffer;
  readonly version?: string;
}

export interface Answer {
  /** 0 for an answer that was broken off. */
  readonly status: number;
  readonly body: Buffer;
  readonly text: string;
}

/** Starts the server; everything ends with the test. */
export async function laySiege(
  t: { after(close: () => unknown): void },
  options: SiegeOptions = {},
): Promise<Siege> {
  const dir = tempDir(t, 'siege');
  const root = join(dir, 'srv');
  const home = join(dir, 'refgate');
  for (const folder of [root, home, join(root, 'acme')]) mkdirSync(folder);
  const refgate = await startRefgate(t, {
    dir: home,
    config: {
      upstreams: { disk: { path: { root } } },
      repos: [{ path: 'acme/*', upstream: 'disk' }],
      ...options.config,
    },
    policy: { access: options.access ?? access, rules: (options.denials ?? []).map(toDenial) },
    ...(options.env === undefined ? {} : { env: options.env }),
  });
  const logins = new Map<Person, Promise<Login>>();
  const login = (person: Person): Promise<Login> => {
    const known = logins.get(person) ?? register(refgate, dir, person);
    logins.set(person, known);
    return known;
  };
  return {
    refgate,
    dir,
    root,
    gitDir: (name) => join(root, 'acme', `${name}.git`),
    login,
    async url(name, person = 'ann') {
      const url = new URL(`${refgate.http}/acme/${name}.git`);
      url.username = person;
      url.password = (await login(person)).token;
      return url.href;
    },
    sshUrl: (name) => `ssh://git@127.0.0.1:${refgate.sshPort}/acme/${name}.git`,
    ask: async (request) => ask(refgate, (await login(request.person ?? 'ann')).token, request),
  };
}

const toDenial = (rule: object): object => Object.fromEntries([...Object.entries(rule), ['then', 'deny']]);

async function register(refgate: Refgate, dir: string, person: Person): Promise<Login> {
  const folder = join(dir, person);
  mkdirSync(folder);
  const key = await makeClientKey(folder);
  const user = { name: person, kind: 'person', groups: [groups[person]], role: 'user' };
  await admin(refgate, 'POST', '/users', user);
  await admin(refgate, 'POST', '/keys', { user: person, line: key.publicLine });
  const body = { user: person, ttl: 8 * 3_600_000 };
  const { token } = await admin<{ token: string }>(refgate, 'POST', '/tokens', body);
  return { token, key };
}

async function ask(refgate: Refgate, token: string, request: Ask): Promise<Answer> {
  const { person = 'ann', repo, service, body, version } = request;
  const base = `${refgate.http}/${repo}.git`;
  const response = await fetch(
    body === undefined ? `${base}/info/refs?service=git-${service}` : `${base}/git-${service}`,
    {
      method: body === undefined ? 'GET' : 'POST',
      headers: {
        authorization: `Basic ${Buffer.from(`${person}:${token}`).toString('base64')}`,
        ...(version === undefined ? {} : { 'git-protocol': version }),
        ...(body === undefined ? {} : { 'content-type': `application/x-git-${service}-request` }),
      },
      ...(body === undefined ? {} : { body: new Uint8Array(body) }),
    },
  );
  const pieces: Uint8Array[] = [];
  let { status } = response;
  try {
    for await (const piece of response.body ?? []) pieces.push(piece as Uint8Array);
  } catch {
    status = 0;
  }
  const bytes = Buffer.concat(pieces);
  return { status, body: bytes, text: bytes.toString('latin1') };
}

const capabilities = 'report-status side-band-64k object-format=sha1 agent=raw/1';

/** A push request as bytes; `lines` are `old new ref`, or anything else. */
export function pushBody(lines: readonly string[], pack: Buffer = Buffer.alloc(0), more = ''): Buffer {
  const [first = '', ...rest] = lines;
  return Buffer.concat([
    encodePkt(`${first}\0 ${capabilities}${more}`),
    ...rest.map((line) => encodePkt(line)),
    flushPkt,
    pack,
  ]);
}

/** A request of protocol v2 as bytes. */
export function v2Body(command: string, args: readonly string[]): Buffer {
  return Buffer.concat([
    encodePkt(`command=${command}\n`),
    encodePkt('object-format=sha1\n'),
    Buffer.from('0001'),
    ...args.map((arg) => encodePkt(`${arg}\n`)),
    flushPkt,
  ]);
}

/** What came on each band of an answer in sidebands. */
export function bandsOf(body: Buffer): Readonly<Record<1 | 2 | 3, string>> {
  const bands: Record<number, string> = { 1: '', 2: '', 3: '' };
  for (const pkt of new PktDecoder('upstream').push(body)) {
    if (pkt.type !== 'data') continue;
    const band = pkt.payload[0] ?? 0;
    bands[band] = (bands[band] ?? '') + pkt.payload.toString('latin1', 1);
  }
  return bands as Record<1 | 2 | 3, string>;
}

export const zero = '0'.repeat(40);

/** A pack without objects. */
export const emptyPack = Buffer.from(
  '5041434b0000000200000000029d08823bd8a8eab510ad6ac75c823cfd3ed31e',
  'hex',
);
