import { Router } from 'express';
import type { Directory } from '../domain/identity.ts';
import type { SignInMethod } from './sign-in-method.ts';

/** Signing in with a token of one's own; the name beside it is for password managers, and checked when it is there. */
export function tokenSignIn(directory: Pick<Directory, 'byToken' | 'byBearer'>): SignInMethod {
  return {
    form: (next) => <TokenForm next={next} />,
    routes: (door) => {
      const router = Router();
      router.post('/', async (request, response) => {
        const body: Readonly<Record<string, unknown>> = request.body ?? {};
        const { user, token, next } = body;
        const name = typeof user === 'string' ? user.trim() : '';
        const given = typeof token === 'string' ? token.trim() : '';
        const principal = await (name === '' ? directory.byBearer(given) : directory.byToken(name, given));
        if (principal === undefined) door.refuse(request, response, next);
        else await door.welcome(request, response, principal, next);
      });
      return router;
    },
  };
}

function TokenForm({ next }: { readonly next: string }) {
  return (
    <form class="card" method="post" action="/-/login">
      <input type="hidden" name="next" value={next} />
      <p>
        <label for="user">User name (optional)</label>
        <input id="user" name="user" autocomplete="username" autocapitalize="none" spellcheck={false} />
      </p>
      <p>
        <label for="token">Token</label>
        <input
          id="token"
          name="token"
          type="password"
          autocomplete="current-password"
          required
          aria-describedby="token-hint"
        />
      </p>
      <p id="token-hint" class="hint">
        Your administrator makes one for you: <code>refgate token create NAME --ttl 8h</code>
      </p>
      <button class="primary" type="submit">
        Sign in
      </button>
    </form>
  );
}
