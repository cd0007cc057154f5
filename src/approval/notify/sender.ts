import { slackBody, teamsBody } from './chat-body.ts';
import { sendMail } from './email-message.ts';
import type { ChatTarget, EmailTarget, NotifierConfig, WebhookTarget } from './notifier-config.ts';
import { abortOf, type Outcome, withDeadline } from './outcome.ts';
import { oneLine } from './peer-text.ts';
import { postJson } from './post-json.ts';
import type { AddressedPush, Summary } from './summary.ts';
import { webhookBody, webhookHeaders } from './webhook-body.ts';
import { wordingOf } from './wording.ts';

/** One notice on its way to one receiver. */
export interface Dispatch {
  /** The same at every attempt, for the receiver to tell. */
  readonly id: string;
  readonly summary: Summary;
  /** Present where a mail goes to the people who may vote. */
  readonly push?: AddressedPush;
}

export interface Sender {
  /** Where to, without anything secret. */
  readonly where: string;
  /** One attempt. Never throws, and ends early when the signal is aborted. */
  send(dispatch: Dispatch, signal: AbortSignal): Promise<Outcome>;
}

export interface SendSettings {
  /** In ms, for one attempt; a mail may take three times as long. */
  readonly timeout: number;
  readonly clock: () => number;
  readonly recipients: (push: AddressedPush) => Promise<readonly string[]>;
}

/** What speaks to the receiver of a notifier. */
export function createSender({ target }: NotifierConfig, settings: SendSettings): Sender {
  if (target.kind === 'webhook') return webhookSender(target, settings);
  if (target.kind === 'email') return emailSender(target, settings);
  return chatSender(target, settings);
}

function webhookSender(target: WebhookTarget, { timeout, clock }: SendSettings): Sender {
  const url = new URL(target.url);
  return {
    where: url.origin + url.pathname,
    send({ id, summary }, signal) {
      const body = webhookBody(summary);
      const headers = webhookHeaders(id, Math.floor(clock() / 1_000), body, target.keys);
      return postJson({ url, headers, body, ca: target.ca, timeout, signal });
    },
  };
}

function chatSender(target: ChatTarget, { timeout }: SendSettings): Sender {
  const url = new URL(target.url.reveal());
  const bodyOf = target.kind === 'slack' ? slackBody : teamsBody;
  return {
    where: url.origin,
    async send({ summary }, signal) {
      const outcome = await postJson({ url, body: bodyOf(wordingOf(summary)), timeout, signal });
      return outcome.sent ? outcome : { ...outcome, text: withoutUrl(outcome.text, url) };
    },
  };
}

/** The address is a credential, and a receiver may say it back, whole or the part that it minds. */
function withoutUrl(text: string, { pathname, search }: URL): string {
  const whole = [pathname + search, pathname, search].filter((part) => part.length > 3);
  const parts = `${pathname}${search}`.split(/[/?&=]/).filter((part) => part.length >= 8);
  return [...whole, ...parts].reduce((masked, part) => masked.replaceAll(part, '[secret]'), text);
}

function emailSender(target: EmailTarget, { timeout, recipients }: SendSettings): Sender {
  const to = target.to;
  const addressees = async ({ summary, push }: Dispatch, signal: AbortSignal): Promise<readonly string[]> => {
    if (to !== 'reviewers') return to;
    if (summary.sample) return [target.from];
    if (push === undefined) return [];
    return withDeadline(timeout, signal, (late) => Promise.race([recipients(push), abortOf(late)]));
  };
  return {
    where: `${target.host}:${target.port}, to ${to === 'reviewers' ? to : to.join(', ')}`,
    async send(dispatch, signal) {
      let known: readonly string[];
      try {
        known = await addressees(dispatch, signal);
      } catch (error) {
        const text = error instanceof Error ? error.message : String(error);
        return { sent: false, text: oneLine(`who may vote could not be established: ${text}`, 300) };
      }
      const { id, summary } = dispatch;
      return sendMail(target, { id, summary, recipients: known, timeout: timeout * 3, signal });
    },
  };
}
