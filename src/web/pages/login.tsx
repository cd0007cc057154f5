import { type Request, type Response, Router } from 'express';
import { dropCookie, readCookie, setCookie } from '../cookies.ts';
import { FailedTries } from '../failed-tries.ts';
import { redirect } from '../frame.ts';
import { localPath } from '../local-path.ts';
import { Layout } from '../parts/layout.tsx';
import { Message } from '../parts/pieces.tsx';
import { readForm } from '../read-form.ts';
import { fromHere } from '../same-origin.ts';
import { sendPage } from '../send-page.ts';
import type { SignInDoor, SignInMethod } from '../sign-in-method.ts';
import type { SignIns } from '../sign-ins.ts';
import { tokenSignIn } from '../token-sign-in.tsx';
import { findViewer, viewerOf } from '../viewer.ts';
import type { WebPorts } from '../web-ports.ts';

/** Every way to sign in, in the order of the login page. */
const methods = (ports: WebPorts): readonly SignInMethod[] => [tokenSignIn(ports.directory)];

/** Failures of one source in a minute; a right token passes whatever its neighbours behind one address do. */
const maxFailures = 10;

const didNotWork = 'That did not work. Check the token, or ask your administrator for another.';

/** `/login`, for who has not signed in. */
export function loginPages(ports: WebPorts): Router {
  const failed = new FailedTries(Date.now, maxFailures);
  const ways = methods(ports);
  const show = (response: Response, next: unknown, status: number, failure?: string) =>
    sendPage(response, <LoginPage ways={ways} next={localPath(next)} failure={failure} />, status);
  const door: SignInDoor = {
    welcome: (request, response, principal, next) => welcome(ports, request, response, principal, next),
    refuse: (request, response, next) => {
      const seconds = failed.add(addressOf(request));
      if (seconds === undefined) return show(response, next, 401, didNotWork);
      response.set('Retry-After', String(seconds));
      show(response, next, 429, `Too many attempts from your address. Try again in ${seconds} s.`);
    },
  };
  const login = Router();
  login.get('/', (request, response) => {
    const { next } = request.query;
    if (findViewer(request) === undefined) show(response, next, 200);
    else response.redirect(303, localPath(next));
  });
  login.post('/{*rest}', fromHere(ports), readForm);
  for (const way of ways) login.use(way.routes(door));
  const router = Router();
  router.use('/login', login);
  return router;
}

/** `/logout`, for who has signed in. */
export function logoutPages({ signIns, secure }: WebPorts): Router {
  const router = Router();
  router.post('/logout', async (request, response) => {
    await signIns.signOut(viewerOf(request).web);
    dropCookie(response, secure());
    redirect(request, response, '/-/login');
  });
  return router;
}

async function welcome(
  { signIns, secure }: { readonly signIns: SignIns; readonly secure: () => boolean },
  request: Request,
  response: Response,
  principal: Parameters<SignIns['create']>[0],
  next: unknown,
): Promise<void> {
  const before = readCookie(request, secure());
  const replaced = before === undefined ? undefined : await signIns.find(before);
  if (replaced !== undefined) await signIns.signOut(replaced.id);
  const { cookie } = await signIns.create(principal, addressOf(request));
  response.removeHeader('Set-Cookie');
  setCookie(response, cookie, secure());
  response.redirect(303, localPath(next));
}

function addressOf(request: Request): string {
  return (request.socket.remoteAddress ?? '').replace(/^::ffff:(?=\d+\.)/i, '');
}

function LoginPage({
  ways,
  next,
  failure,
}: {
  readonly ways: readonly SignInMethod[];
  readonly next: string;
  readonly failure: string | undefined;
}) {
  return (
    <Layout title="Sign in">
      <div class="login">
        {failure !== undefined && <Message tone="bad">{failure}</Message>}
        {ways.map((way) => way.form(next))}
      </div>
    </Layout>
  );
}
