import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { parseConfig } from '../../src/app/config.ts';
import { readNotifiers } from '../../src/app/notify-config.ts';
import { RefgateError } from '../../src/domain/error.ts';
import { tempDir } from '../support/git.ts';
import { root } from '../support/root.ts';

const smallest = 'upstreams: { u: { path: { root: /srv } } }\nrepos: [{ path: "**", upstream: u }]\n';
const secret = `whsec_${randomBytes(32).toString('base64')}`;
const chatUrl = `https://hooks.example.com/services/${randomBytes(8).toString('hex')}`;

function parse(notify: string, dir = '/etc'): ReturnType<typeof parseConfig> {
  return parseConfig(`${smallest}notify:\n${notify}`, join(dir, 'refgate.yaml'));
}

function problems(work: () => unknown): string {
  try {
    work();
  } catch (error) {
    assert.ok(error instanceof RefgateError);
    assert.equal(error.code, 'CONFIG_INVALID');
    return error.detail ?? '';
  }
  throw new assert.AssertionError({ message: 'the configuration was accepted' });
}

function folder(t: TestContext, files: Readonly<Record<string, string>>): string {
  const dir = tempDir(t, 'notify');
  for (const [name, text] of Object.entries(files)) writeFileSync(join(dir, name), text, { mode: 0o600 });
  return dir;
}

test('without notify: nobody is told', () => {
  assert.deepEqual(readNotifiers(parseConfig(smallest, '/etc/refgate.yaml')), []);
});

test('each kind of notifier is read, with its secrets from files beside refgate.yaml', (t) => {
  const dir = folder(t, {
    'slack.txt': `${chatUrl}\n`,
    'teams.txt': chatUrl,
    'key.txt': `${secret}\n${secret}\n`,
    'password.txt': 'long and secret\n',
  });
  const lines = [
    '- { name: chat, slack: { urlFile: slack.txt } }',
    '- { name: room, teams: { urlFile: teams.txt }, on: [push.forced, push.forwarded] }',
    '- { name: audit, webhook: { url: "https://audit.example.com/in?x=1", secretFile: key.txt } }',
    '- { name: mail, email: { smtp: "smtps://mail.example.com", user: u, passwordFile: password.txt, from: r@example.com, to: reviewers } }',
    '- { name: relay, email: { smtp: "smtp://mail.example.com", from: r@example.com, to: [a@example.com] } }',
    '- { name: local, email: { smtp: "smtp://127.0.0.1:2525", from: r@example.com, to: [a@example.com] } }',
  ];
  const [chat, room, audit, mail, relay, local] = readNotifiers(parse(lines.join('\n'), dir));
  assert.deepEqual(chat?.on, [
    'push.held',
    'push.approved',
    'push.rejected',
    'push.forced',
    'push.lapsed',
    'push.failed',
  ]);
  assert.ok(chat?.target.kind === 'slack');
  assert.equal(chat.target.url.reveal(), chatUrl);
  assert.deepEqual(room?.on, ['push.forced', 'push.forwarded']);
  assert.ok(audit?.target.kind === 'webhook');
  assert.deepEqual(
    audit.target.keys.map((key) => `whsec_${key.reveal().toString('base64')}`),
    [secret, secret],
  );
  assert.ok(
    mail?.target.kind === 'email' && relay?.target.kind === 'email' && local?.target.kind === 'email',
  );
  assert.equal(mail.target.auth?.password.reveal(), 'long and secret');
  assert.deepEqual(
    [mail, relay, local].map(({ target }) => 'port' in target && [target.port, target.security]),
    [
      [465, 'tls'],
      [587, 'starttls'],
      [2525, 'any'],
    ],
  );
  assert.equal(mail.target.to, 'reviewers');
});

const refused: readonly (readonly [string, RegExp])[] = [
  ['- { name: chat }', /:4:3: notify\.0: expected exactly one of webhook:, slack:, teams:, email:/],
  [
    '- { name: chat, slack: { urlFile: a }, teams: { urlFile: b } }',
    /notify\.0: expected exactly one of webhook:/,
  ],
  ['- { name: Chat!, slack: { urlFile: a } }', /:4:5: notify\.0\.name: a notifier is named with lower-case/],
  ['- { name: chat, slack: { url: "https://x" } }', /notify\.0\.slack\.url: unknown key/],
  [
    '- { name: chat, slack: { urlFile: a }, on: [push.eaten] }',
    /notify\.0\.on\.0: expected one of push\.held/,
  ],
  ['- { name: chat, slack: { urlFile: a }, on: [] }', /notify\.0\.on: expected at least one/],
  [
    '- { name: a, slack: { urlFile: a } }\n- { name: a, slack: { urlFile: a } }',
    /:5:5: notify\.1\.name: a is the name of another notifier already/,
  ],
  [
    '- { name: a, webhook: { url: "http://audit.example.com", secretFile: a } }',
    /notify\.0\.webhook\.url: plain HTTP would show the notices to the network/,
  ],
  [
    '- { name: a, webhook: { url: "https://u:p@audit.example.com", secretFile: a } }',
    /notify\.0\.webhook\.url: expected an address without a user name or password/,
  ],
  [
    '- { name: a, email: { smtp: "mail.example.com", from: r@example.com, to: reviewers } }',
    /notify\.0\.email\.smtp: expected smtps:\/\/HOST/,
  ],
  [
    '- { name: a, email: { smtp: "smtp://m", from: "R <r@example.com>", to: reviewers } }',
    /notify\.0\.email\.from: expected one address/,
  ],
  [
    '- { name: a, email: { smtp: "smtp://m", from: r@example.com, to: everybody } }',
    /notify\.0\.email\.to: expected reviewers, or a list of addresses/,
  ],
  [
    '- { name: a, email: { smtp: "smtp://m", user: u, from: r@example.com, to: reviewers } }',
    /notify\.0\.email: user and passwordFile belong together/,
  ],
];

for (const [notify, message] of refused) {
  test(`refused with its place: ${notify.replace('\n', ' ').slice(0, 80)}`, () => {
    assert.match(
      problems(() => parse(notify)),
      message,
    );
  });
}

test('files that are missing or hold something else are told all at once, without what they hold', (t) => {
  const wrong = `whsec_${randomBytes(8).toString('base64')}`;
  const dir = folder(t, {
    'short.txt': wrong,
    'plain.txt': 'http://hooks.example.com/abcdef',
    'empty.txt': '',
  });
  const lines = [
    '- { name: a, slack: { urlFile: missing.txt } }',
    '- { name: b, slack: { urlFile: plain.txt } }',
    '- { name: c, webhook: { url: "https://x.example.com", secretFile: short.txt } }',
    '- { name: d, email: { smtp: "smtp://m", user: u, passwordFile: empty.txt, from: r@example.com, to: reviewers } }',
  ];
  const told = problems(() => readNotifiers(parse(lines.join('\n'), dir))).split('\n');
  assert.equal(told.length, 4);
  assert.match(
    told[0] ?? '',
    /refgate\.yaml: notify\.0\.slack\.urlFile: missing\.txt cannot be read \(ENOENT\)/,
  );
  assert.match(told[1] ?? '', /does not hold one URL: plain HTTP would show/);
  assert.match(told[2] ?? '', /does not hold one to four lines of whsec_/);
  assert.match(told[3] ?? '', /is empty; write the password into it/);
  assert.ok(!told.join('').includes(wrong));
  assert.doesNotMatch(told.join(''), /abcdef/);
});

test('configuration.md names every key of notify:, and the examples of notifications.md are valid', () => {
  const read = (file: string): string => readFileSync(join(root, file), 'utf8');
  const document = read('docs/configuration.md');
  const keys = [
    ...read('src/app/notify-config.ts').matchAll(/^\s+([a-zA-Z]+): (z|file|mail|recip|webhook)/gm),
  ];
  for (const key of ['name', 'on', 'url', 'secretFile', 'urlFile', 'ca', ...keys.map((match) => match[1])])
    assert.match(document, new RegExp(`\`([a-z.]+\\.)?${key}\\b`), `${key} is missing`);
  const example = /```yaml\n([\s\S]*?)```/.exec(read('docs/notifications.md'))?.[1] ?? '';
  assert.equal(parseConfig(smallest + example, '/etc/refgate.yaml').notify.length, 4);
});
