import { escapeSlack, escapeTeams } from './peer-text.ts';
import type { Wording } from './wording.ts';

/**
 * The body of a Slack incoming webhook. All of it is `plain_text`, where
 * nothing but `& < >` means anything; those are entities. The button is the
 * only link.
 */
export function slackBody({ title, lines, url, loud }: Wording): string {
  const plain = (text: string, max: number): object => ({
    type: 'plain_text',
    text: escapeSlack(text, max),
    emoji: false,
  });
  const details = lines.map(({ label, text }) => `${label}: ${text}`).join('\n');
  return JSON.stringify({
    text: escapeSlack(`${title} ${url}`, 3_000),
    mrkdwn: false,
    parse: 'none',
    link_names: false,
    unfurl_links: false,
    unfurl_media: false,
    blocks: [
      { type: 'header', text: plain(title, 150) },
      { type: 'section', text: plain(details, 3_000) },
      {
        type: 'actions',
        elements: [
          {
            type: 'button',
            text: plain('Look at the push', 75),
            url,
            ...(loud ? { style: 'danger' } : {}),
          },
        ],
      },
    ],
  });
}

/**
 * A message with one Adaptive Card 1.4, as the webhook trigger of a Teams
 * workflow takes it. Peers' text is in TextRun elements only, which know no
 * Markdown; there are no mentions, since `msteams.entities` is absent.
 */
export function teamsBody({ title, lines, url, loud }: Wording): string {
  const block = (...inlines: readonly object[]): object => ({ type: 'RichTextBlock', inlines });
  const run = (text: string, more: object = {}): object => ({
    type: 'TextRun',
    text: escapeTeams(text),
    ...more,
  });
  const content = {
    $schema: 'http://adaptivecards.io/schemas/adaptive-card.json',
    type: 'AdaptiveCard',
    version: '1.4',
    body: [
      block(run(title, { size: 'Medium', weight: 'Bolder', color: loud ? 'Attention' : 'Default' })),
      ...lines.map(({ label, text }) => block(run(`${label}: `, { isSubtle: true }), run(text))),
    ],
    actions: [{ type: 'Action.OpenUrl', title: 'Look at the push', url }],
  };
  return JSON.stringify({
    type: 'message',
    attachments: [{ contentType: 'application/vnd.microsoft.card.adaptive', contentUrl: null, content }],
  });
}
