import type { Service } from '../../domain/git.ts';
import { canonicalRepo } from '../../git/repo-path.ts';
import { HttpRefusal } from './refuse.ts';

/** What a request target asks for. Says nothing yet of whether the caller may have it. */
export type Route =
  | { readonly kind: 'advertise' | 'rpc'; readonly service: Service; readonly repo: string }
  | { readonly kind: 'lfs' };

const services: ReadonlyMap<string, Service> = new Map([
  ['git-upload-pack', 'upload-pack'],
  ['git-receive-pack', 'receive-pack'],
]);

/** What only a client of the dumb protocol asks for, gitprotocol-http(5). */
const dumb = /^(.+)\/(?:HEAD|objects\/.*)$/;

/**
 * Reads method and raw request target, before anything has decoded them.
 * Percent-encoding is refused, not decoded: no repository name needs it.
 * Throws HttpRefusal, or RefgateError REPO_PATH_INVALID.
 */
export function readRoute(method: string, target: string): Route {
  const mark = target.indexOf('?');
  const path = mark === -1 ? target : target.slice(0, mark);
  const query = mark === -1 ? undefined : target.slice(mark + 1);
  if (!/^\/[A-Za-z0-9._/+~@=,:-]*$/.test(path) || path.includes('//')) {
    throw new HttpRefusal(400, 'the address is not one that names a repository; check the URL');
  }
  if (path.endsWith('/info/refs')) return advertise(method, path.slice(0, -'/info/refs'.length), query);
  const lfs = /^(\/.+?)\/info\/lfs(?:\/.*)?$/.exec(path);
  if (lfs !== null) {
    canonicalRepo(lfs[1] ?? '');
    return { kind: 'lfs' };
  }
  const end = path.lastIndexOf('/');
  const service = services.get(path.slice(end + 1));
  if (service !== undefined) return rpc(method, path.slice(0, end), service, query);
  if (dumb.test(path)) throw dumbRefusal();
  throw new HttpRefusal(404, 'there is nothing here; the address of a repository is /OWNER/REPO.git');
}

function advertise(method: string, repo: string, query: string | undefined): Route {
  if (query === undefined || query === '') throw dumbRefusal();
  allow(method, 'GET');
  const name = /^service=([a-z-]+)$/.exec(query)?.[1];
  if (name === undefined) {
    throw new HttpRefusal(400, 'the query must be service=git-upload-pack or service=git-receive-pack, once');
  }
  const service = services.get(name);
  if (service === undefined) {
    throw new HttpRefusal(403, 'this service is not served here; use git fetch or git push');
  }
  return { kind: 'advertise', service, repo: canonicalRepo(repo) };
}

function rpc(method: string, repo: string, service: Service, query: string | undefined): Route {
  allow(method, 'POST');
  if (query !== undefined) throw new HttpRefusal(400, 'this address takes no query; use a stock git client');
  return { kind: 'rpc', service, repo: canonicalRepo(repo) };
}

function allow(method: string, allowed: string): void {
  if (method === allowed) return;
  throw new HttpRefusal(405, `this address answers ${allowed} only; use a stock git client`, {
    Allow: allowed,
  });
}

function dumbRefusal(): HttpRefusal {
  return new HttpRefusal(403, 'this server speaks only the smart HTTP protocol; use git 1.6.6 or newer');
}
