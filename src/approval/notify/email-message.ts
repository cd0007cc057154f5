import type { EmailTarget } from './notifier-config.ts';
import { type Outcome, withDeadline } from './outcome.ts';
import { escapeHtml, isMailAddress, oneLine } from './peer-text.ts';
import type { Summary } from './summary.ts';
import { type Wording, wordingOf } from './wording.ts';

/** One mail goes to at most so many. */
const maxRecipients = 100;

export interface Mail {
  /** Stable: a mail that comes twice has one Message-ID. */
  readonly id: string;
  readonly summary: Summary;
  readonly recipients: readonly string[];
  /** In ms, for the whole conversation. */
  readonly timeout: number;
  readonly signal: AbortSignal;
}

/** One mail over a connection of its own. Nothing is thrown; who was refused while others were not is a warning. */
export async function sendMail(target: EmailTarget, mail: Mail): Promise<Outcome> {
  const recipients = [...new Set(mail.recipients)].filter(isMailAddress).slice(0, maxRecipients);
  if (recipients.length === 0)
    return {
      sent: false,
      text: 'nobody who may vote has an e-mail address; see refgate user email',
      forGood: true,
    };
  // Costs 15 MB of memory, and most servers send no mail.
  const { createTransport } = await import('nodemailer');
  const transport = createTransport({
    host: target.host,
    port: target.port,
    secure: target.security === 'tls',
    requireTLS: target.security === 'starttls',
    ...(target.auth === undefined
      ? {}
      : { auth: { user: target.auth.user, pass: target.auth.password.reveal() } }),
    ...(target.ca === undefined ? {} : { tls: { ca: target.ca } }),
    connectionTimeout: mail.timeout,
    greetingTimeout: mail.timeout,
    socketTimeout: mail.timeout,
    disableFileAccess: true,
    disableUrlAccess: true,
  });
  try {
    const { rejected } = await withDeadline(mail.timeout, mail.signal, (signal) =>
      transport.sendMail({ ...messageOf(target, mail, recipients), signal }),
    );
    if (rejected.length === 0) return { sent: true };
    return { sent: true, warning: `${rejected.length} of ${recipients.length} recipients were refused` };
  } catch (error) {
    return { sent: false, text: oneLine(error instanceof Error ? error.message : String(error), 300) };
  } finally {
    transport.close();
  }
}

/** RFC 5322 threads by References, RFC 3834 says who must not answer. */
function messageOf({ from }: EmailTarget, { id, summary }: Mail, to: readonly string[]): object {
  const wording = wordingOf(summary);
  const domain = from.slice(from.indexOf('@') + 1);
  const thread = `<push.${summary.push}@${domain}>`;
  return {
    from: { name: 'Refgate', address: from },
    to: to.map((one) => ({ name: '', address: one })),
    subject: wording.subject,
    messageId: `<${id}@${domain}>`,
    inReplyTo: thread,
    references: thread,
    date: new Date(summary.time),
    headers: {
      'Auto-Submitted': 'auto-generated',
      'X-Auto-Response-Suppress': 'All',
      ...(wording.loud ? { Importance: 'high' } : {}),
    },
    text: plainText(wording),
    html: html(wording),
  };
}

function plainText({ title, lines, url }: Wording): string {
  return [title, '', ...lines.map(({ label, text }) => `${label}: ${text}`), '', url, ''].join('\n');
}

function html({ title, lines, url }: Wording): string {
  const rows = lines.map(
    ({ label, text }) => `<tr><th align="left">${label}</th><td>${escapeHtml(text)}</td></tr>`,
  );
  return [
    `<p><strong>${escapeHtml(title)}</strong></p>`,
    `<table>${rows.join('')}</table>`,
    `<p><a href="${escapeHtml(url)}">Look at the push</a></p>`,
  ].join('\n');
}
