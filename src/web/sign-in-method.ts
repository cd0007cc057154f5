import type { Request, Response, Router } from 'express';
import type { VNode } from 'preact';
import type { Principal } from '../domain/session.ts';

/** What a way to sign in hands its outcome to. */
export interface SignInDoor {
  /** Begins the sign-in of who was proved to be there, and goes on to `next`, which is checked. */
  welcome(request: Request, response: Response, principal: Principal, next: unknown): Promise<void>;
  /** Shows the login page again, which says that it failed but not why. Counted against the source. */
  refuse(request: Request, response: Response, next: unknown): void;
}

/**
 * A way to prove who one is on the pages: a token, or somebody else's word. A POST that it serves has been held
 * against the limit of failures and has come from our own pages, and its form is read.
 */
export interface SignInMethod {
  /** Its part of the login page: a form, or a link below `/-/login`. `next` belongs into it. */
  readonly form: (next: string) => VNode;
  /** Paths relative to `/-/login`. */
  readonly routes: (door: SignInDoor) => Router;
}
