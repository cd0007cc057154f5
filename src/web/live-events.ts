import { type Response, Router } from 'express';
import type { HeldPush } from '../domain/approval.ts';
import { maySee } from './may-see.ts';
import { refuseStranger } from './require-sign-in.tsx';
import { type Viewer, viewerOf } from './viewer.ts';
import type { WebPorts } from './web-ports.ts';

const heartbeatMs = 20_000;
/** Changes of so many ms are told together, so that a burst of them costs each viewer one look. */
const gatherMs = 200;
const maxPerSignIn = 5;
const maxStreams = 1_000;
/** Bytes that may wait for a slow client. */
const maxWaiting = 64 << 10;

interface Stream {
  readonly viewer: Viewer;
  readonly response: Response;
}

type Ports = Pick<WebPorts, 'held' | 'signIns' | 'directory' | 'log'>;

/** `/events`: server-sent events, WHATWG HTML section 9.2, of the held pushes that this viewer may see. */
export function liveEvents(ports: Ports): Router {
  const hub = new Hub(ports);
  const router = Router();
  router.get('/events', (request, response) => {
    if (refuseStranger(request, response)) return;
    if (request.method === 'HEAD') {
      response.type('text/event-stream').end();
      return;
    }
    const viewer = viewerOf(request);
    if (!hub.hasRoom(viewer)) {
      response
        .status(429)
        .set('Retry-After', '60')
        .json({ code: 'LIMIT_EXCEEDED', message: 'too many streams are open; close a window' });
      return;
    }
    response.type('text/event-stream');
    response.write('retry: 5000\n\n');
    hub.add({ viewer, response });
  });
  return router;
}

class Hub {
  readonly #ports: Ports;
  readonly #streams = new Set<Stream>();
  /** By id, as they are now; told at the next turn. */
  #changed = new Map<string, HeldPush>();
  #gathering: NodeJS.Timeout | undefined;
  #heart: NodeJS.Timeout | undefined;

  constructor(ports: Ports) {
    this.#ports = ports;
    ports.held.onChange((push) => this.#note(push));
    ports.signIns.onEnd((id) => this.#endAll((stream) => stream.viewer.web === id));
  }

  hasRoom({ web }: Viewer): boolean {
    if (this.#streams.size >= maxStreams) return false;
    return [...this.#streams].filter((stream) => stream.viewer.web === web).length < maxPerSignIn;
  }

  add(stream: Stream): void {
    this.#streams.add(stream);
    stream.response.once('close', () => this.#remove(stream));
    this.#heart ??= setInterval(() => void this.#beat(), heartbeatMs).unref();
  }

  #remove(stream: Stream): void {
    this.#streams.delete(stream);
    if (this.#streams.size > 0) return;
    clearInterval(this.#heart);
    this.#heart = undefined;
  }

  #note(push: HeldPush): void {
    if (this.#streams.size === 0) return;
    this.#changed.set(push.id, push);
    this.#gathering ??= setTimeout(() => {
      this.#tell().catch((err: unknown) => {
        this.#ports.log.error({ err }, 'live events failed');
        this.#endAll(() => true);
      });
    }, gatherMs).unref();
  }

  /** Who may see a push is asked once for a user, not for a window. */
  async #tell(): Promise<void> {
    const pushes = [...this.#changed.values()];
    this.#changed = new Map();
    this.#gathering = undefined;
    const names = new Set([...this.#streams].map(({ viewer }) => viewer.user.name));
    for (const name of names) {
      const streams = await this.#goingOn(name);
      const [first] = streams;
      const user = await this.#ports.directory.user(name);
      if (first === undefined || user === undefined || user.disabled) continue;
      const viewer = { user, principal: { ...first.viewer.principal, groups: user.groups } };
      for (const push of pushes) {
        if (!(await maySee(this.#ports, viewer, push))) continue;
        const data = JSON.stringify({ id: push.id, state: push.state });
        for (const stream of streams) this.#send(stream, `event: held\ndata: ${data}\n\n`);
      }
    }
  }

  async #beat(): Promise<void> {
    for (const stream of [...this.#streams]) if (await this.#goesOn(stream)) this.#send(stream, ':\n\n');
  }

  /** The streams of a user whose sign-ins go on: a token that was revoked since hears nothing more. */
  async #goingOn(name: string): Promise<readonly Stream[]> {
    const streams = [...this.#streams].filter(({ viewer }) => viewer.user.name === name);
    const going: Stream[] = [];
    for (const stream of streams) if (await this.#goesOn(stream)) going.push(stream);
    return going;
  }

  /** Ends the stream where its sign-in has ended. */
  async #goesOn(stream: Stream): Promise<boolean> {
    // A failing directory is no reason to go on telling.
    const goesOn = await this.#ports.signIns.holds(stream.viewer.web).catch(() => false);
    if (!goesOn) this.#endAll((other) => other === stream);
    return goesOn;
  }

  #send(stream: Stream, text: string): void {
    if (!this.#streams.has(stream)) return;
    if (stream.response.writableLength > maxWaiting) stream.response.destroy();
    else stream.response.write(text);
  }

  #endAll(which: (stream: Stream) => boolean): void {
    for (const stream of [...this.#streams].filter(which)) {
      this.#remove(stream);
      stream.response.end();
    }
  }
}
