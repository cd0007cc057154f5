import type { Request, Response } from 'express';
import { RefgateError } from '../domain/error.ts';
import { redirect } from './frame.ts';
import { peerText } from './parts/peer-text.ts';

/** What was typed into a field, without space around it; empty where there is no such field. @throws USAGE above `most` characters */
export function fieldOf(request: Request, name: string, most = 512): string {
  const value: unknown = (request.body as Record<string, unknown> | undefined)?.[name];
  if (typeof value !== 'string') return '';
  const text = value.trim();
  if (text.length > most)
    throw new RefgateError('USAGE', 'client', `${name}: at most ${most} characters, not ${text.length}`);
  return text;
}

/** The words of a field, which spaces, commas or line ends part. */
export function wordsOf(request: Request, name: string): string[] {
  return fieldOf(request, name, 16_384)
    .split(/[\s,]+/)
    .filter((word) => word !== '');
}

/** What turns a list into another one. */
export function changeOf(
  had: readonly string[],
  wanted: readonly string[],
): { readonly add: readonly string[]; readonly remove: readonly string[] } {
  return {
    add: wanted.filter((word) => !had.includes(word)),
    remove: had.filter((word) => !wanted.includes(word)),
  };
}

/**
 * Does what a form asks, and goes on to the next page with what `work` says.
 * What the user can put right is told on the page that they came from; other
 * errors are thrown.
 */
export async function answerForm(
  request: Request,
  response: Response,
  back: string,
  work: () => Promise<string | { readonly to: string; readonly say: string }>,
): Promise<void> {
  try {
    const done = await work();
    const { to, say } = typeof done === 'string' ? { to: back, say: done } : done;
    redirect(request, response, to, { tone: 'good', text: say });
  } catch (error) {
    if (!(error instanceof RefgateError) || error.blame === 'refgate') throw error;
    redirect(request, response, back, { tone: 'bad', text: peerText(error.detail ?? error.message) });
  }
}
