import type { ComponentChildren } from 'preact';
import type { Flash } from '../frame.ts';
import { assetUrl } from '../serve-assets.ts';
import { seesAll, type Viewer } from '../viewer.ts';
import { Message } from './pieces.tsx';

export interface Again {
  readonly seconds: number;
  /** Somebody may be typing: only the script, which keeps what is typed, looks again. */
  readonly hasText: boolean;
}

export interface LayoutProps {
  readonly title: string;
  /** Left out on pages for who is not signed in. */
  readonly viewer?: Viewer;
  /** The entry of the menu that this page belongs to. */
  readonly at?:
    | 'pushes'
    | 'sessions'
    | 'policy'
    | 'overview'
    | 'people'
    | 'repos'
    | 'masking'
    | 'agents'
    | 'account';
  /** How many pushes wait for the viewer; shown in the menu. */
  readonly waiting?: number;
  /** `held` shows changes of held pushes as they happen. */
  readonly live?: 'held';
  /** While something is being made: the page is looked at again after so many seconds. */
  readonly again?: Again;
  readonly flash?: Flash;
  readonly children: ComponentChildren;
}

/** The frame of every page: menu, skip link, title, main. */
export function Layout({ title, viewer, at, waiting = 0, live, again, flash, children }: LayoutProps) {
  return (
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        {again?.hasText === false && (
          <noscript>
            <meta http-equiv="refresh" content={String(again.seconds)} />
          </noscript>
        )}
        <title>{`${title} · Refgate`}</title>
        <link rel="icon" href={assetUrl('refgate.svg')} type="image/svg+xml" />
        <link rel="stylesheet" href={assetUrl('refgate.css')} />
        <script src={assetUrl('refgate.js')} defer />
      </head>
      <body data-live={live} data-again={again?.seconds}>
        <a class="skip" href="#main">
          Skip to the content
        </a>
        <header class="bar">
          <a class="brand" href="/-/">
            Refgate
          </a>
          {viewer && <Menu viewer={viewer} at={at} waiting={waiting} />}
        </header>
        <main id="main" tabIndex={-1}>
          <h1>{title}</h1>
          {flash && (
            <div data-flash>
              <Message tone={flash.tone}>{flash.text}</Message>
            </div>
          )}
          {children}
        </main>
      </body>
    </html>
  );
}

function Menu({
  viewer,
  at,
  waiting,
}: {
  readonly viewer: Viewer;
  readonly at: LayoutProps['at'];
  readonly waiting: number;
}) {
  const admin = viewer.user.role === 'admin';
  const all = seesAll(viewer);
  const entries = [
    { key: 'pushes', href: '/-/pushes', text: 'Pushes', shown: true },
    { key: 'sessions', href: '/-/sessions', text: 'Sessions', shown: true },
    { key: 'policy', href: '/-/policy', text: 'Policy', shown: all },
    { key: 'overview', href: '/-/overview', text: 'Overview', shown: all },
    { key: 'people', href: '/-/people', text: 'People', shown: all },
    { key: 'repos', href: '/-/repos', text: 'Repositories', shown: all },
    { key: 'masking', href: '/-/masking', text: 'Masking', shown: all },
    { key: 'agents', href: '/-/agents', text: 'Agents', shown: admin || all },
  ].filter((entry) => entry.shown);
  return (
    <>
      <nav aria-label="Main">
        <ul>
          {entries.map(({ key, href, text }) => (
            <li key={key}>
              <a href={href} aria-current={key === at ? 'page' : undefined}>
                {text}
                {key === 'pushes' && waiting > 0 && (
                  <span class="count" data-waiting>
                    {waiting}
                    <span class="unseen"> waiting for you</span>
                  </span>
                )}
              </a>
            </li>
          ))}
        </ul>
      </nav>
      <div class="who">
        <a href="/-/account" aria-current={at === 'account' ? 'page' : undefined}>
          {viewer.user.name}
        </a>
        <form method="post" action="/-/logout">
          <CsrfField viewer={viewer} />
          <button class="plain" type="submit">
            Sign out
          </button>
        </form>
      </div>
    </>
  );
}

/** Belongs into every form that changes something. */
export function CsrfField({ viewer }: { readonly viewer: Viewer }) {
  return <input type="hidden" name="csrf" value={viewer.csrf} />;
}
