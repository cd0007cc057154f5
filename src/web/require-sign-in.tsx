import type { Request, RequestHandler, Response } from 'express';
import { readCookie, setCookie } from './cookies.ts';
import { localPath } from './local-path.ts';
import { sendPage } from './send-page.ts';
import { assetUrl } from './serve-assets.ts';
import type { SignIns } from './sign-ins.ts';
import { findViewer, setViewer } from './viewer.ts';

interface Ports {
  readonly signIns: Pick<SignIns, 'find'>;
  readonly secure: () => boolean;
}

/** Notes who looks, where the cookie stands for somebody; sends the cookie that takes its place when it is time. */
export function noteViewer({ signIns, secure }: Ports): RequestHandler {
  return async (request, response, next) => {
    const cookie = readCookie(request, secure());
    const found = cookie === undefined ? undefined : await signIns.find(cookie, isUse(request));
    if (found !== undefined) {
      const { principal, user, csrf, id, renewed } = found;
      setViewer(request, { user, principal, csrf, web: id, via: 'page' });
      if (renewed !== undefined) setCookie(response, renewed, secure());
    }
    next();
  };
}

/** What a script asks for while nobody looks keeps no sign-in alive. */
function isUse(request: Request): boolean {
  return request.headers['sec-fetch-mode'] !== 'cors';
}

/** Sends who has not signed in to the login page, and from there back to this page. */
export const requireSignIn: RequestHandler = (request, response, next) => {
  if (findViewer(request) !== undefined) return next();
  if (request.method === 'POST') response.set('Connection', 'close');
  if (followedLink(request)) return sendPage(response, <Onward to={localPath(request.originalUrl)} />);
  const back = request.method === 'POST' ? '' : `?next=${encodeURIComponent(localPath(request.originalUrl))}`;
  response.redirect(303, `/-/login${back}`);
};

/** From a mail or a chat: browsers leave a SameSite=Strict cookie out, and send it when our own page goes on. */
function followedLink(request: Request): boolean {
  const { headers } = request;
  return (
    headers['sec-fetch-site'] === 'cross-site' &&
    headers['sec-fetch-mode'] === 'navigate' &&
    request.method === 'GET'
  );
}

function Onward({ to }: { readonly to: string }) {
  return (
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta http-equiv="refresh" content={`0; url=${to}`} />
        <title>Refgate</title>
        <link rel="icon" href={assetUrl('refgate.svg')} type="image/svg+xml" />
      </head>
      <body>
        <main>
          <h1>One moment</h1>
          <p>
            <a href={to}>Go on to the page</a>
          </p>
        </main>
      </body>
    </html>
  );
}

/** For addresses that scripts read. */
export function refuseStranger(request: Request, response: Response): boolean {
  if (findViewer(request) !== undefined) return false;
  response.status(401).json({ code: 'AUTHENTICATION_FAILED', message: 'sign in first' });
  return true;
}
