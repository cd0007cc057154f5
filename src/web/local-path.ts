const home = '/-/pushes';
const notAfterSignIn = /^\/-\/(login|logout|api|assets|events)(\/|$)/;

/**
 * Where to go after signing in: a path of ours, or the start page for anything else. What browsers would resolve to another
 * host, or read otherwise than it looks, is not one.
 */
export function localPath(text: unknown): string {
  if (typeof text !== 'string' || text.length > 2_048 || !/^\/-\/[!-~]*$/.test(text)) return home;
  if (/\\|%5c|%2f/i.test(text)) return home;
  const base = 'http://refgate.invalid';
  const url = URL.canParse(text, base) ? new URL(text, base) : undefined;
  // Dots that climb are resolved by now.
  if (url?.origin !== base || !url.pathname.startsWith('/-/') || url.pathname.includes('//')) return home;
  return notAfterSignIn.test(url.pathname) ? home : url.pathname + url.search;
}
