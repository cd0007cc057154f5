import { createServer, type Server } from 'node:http';

export interface OpsState {
  /** Why the server cannot serve now; undefined when it can. */
  readonly notReady: () => string | undefined;
  /** Prometheus text exposition of the counters. */
  readonly metrics: () => string;
}

/** The operators' listener: /livez, /readyz and /metrics, plain text. */
export function createOpsServer(state: OpsState): Server {
  return createServer({ requestTimeout: 5_000, headersTimeout: 5_000 }, (request, response) => {
    const answer = (status: number, text: string): void => {
      response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8' }).end(`${text}\n`);
    };
    if (request.method !== 'GET' && request.method !== 'HEAD') return answer(405, 'only GET');
    if (request.url === '/livez') return answer(200, 'ok');
    if (request.url === '/metrics') return answer(200, state.metrics().trimEnd());
    if (request.url !== '/readyz') return answer(404, 'here are /livez, /readyz and /metrics');
    const reason = state.notReady();
    return answer(reason === undefined ? 200 : 503, reason ?? 'ok');
  });
}
