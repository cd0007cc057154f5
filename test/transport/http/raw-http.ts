import { connect, type Socket } from 'node:net';
import type { TestDoor } from './served-git.ts';
import { basic } from './served-git.ts';

export interface RawAnswer {
  readonly status: number;
  /** Names in lower case. */
  readonly headers: ReadonlyMap<string, string>;
  /** As it came, chunk framing included. */
  readonly body: string;
}

/** A plain TCP connection to the door. */
export async function dial(door: TestDoor): Promise<Socket> {
  const socket = connect(door.door.port, '127.0.0.1');
  socket.on('error', () => {});
  await new Promise((resolve, reject) => {
    socket.once('connect', resolve).once('error', reject);
  });
  return socket;
}

/** Everything the peer says until it closes. */
export async function readAll(socket: Socket): Promise<string> {
  let text = '';
  socket.on('data', (chunk: Buffer) => {
    text += chunk.toString('latin1');
  });
  await new Promise((resolve) => {
    if (socket.closed) resolve(undefined);
    socket.once('close', resolve);
  });
  return text;
}

export function parseAnswer(text: string): RawAnswer {
  const end = text.indexOf('\r\n\r\n');
  const [first = '', ...lines] = text.slice(0, end).split('\r\n');
  const headers = new Map(
    lines.map((line) => [
      line.slice(0, line.indexOf(':')).toLowerCase(),
      line.slice(line.indexOf(':') + 1).trim(),
    ]),
  );
  return { status: Number(first.split(' ')[1]), headers, body: text.slice(end + 4) };
}

/** Sends exactly these bytes and reads the one answer until the door closes. */
export async function exchange(door: TestDoor, bytes: string | Buffer): Promise<RawAnswer> {
  const socket = await dial(door);
  socket.write(typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes);
  return parseAnswer(await readAll(socket));
}

/** A request head with credentials, Host and `Connection: close`; `lines` come after them. */
export function head(method: string, target: string, lines: readonly string[] = []): string {
  const all = [
    `${method} ${target} HTTP/1.1`,
    'Host: x',
    `Authorization: ${basic}`,
    'Connection: close',
    ...lines,
  ];
  return `${all.join('\r\n')}\r\n\r\n`;
}
