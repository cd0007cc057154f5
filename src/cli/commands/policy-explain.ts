import type { Command } from 'commander';
import { changes, cleanText, imaginePush, loadPolicy } from '../../app/offline.ts';
import type { ExplainedPush } from '../../domain/admin.ts';
import { RefgateError } from '../../domain/error.ts';
import type { PrincipalKind } from '../../domain/session.ts';
import { type Output, print } from '../output.ts';
import { readText } from './identity.ts';
import { adminOf, collect, oneOf, optionsOf, withJson } from './shared.ts';

interface ExplainOptions {
  readonly with?: string;
  readonly repo?: string;
  readonly ref?: string;
  readonly change?: string;
  readonly user?: string;
  readonly group?: string[];
  readonly service?: boolean;
  readonly json?: boolean;
}

const sessionId = /^s-[0-9a-z]{17}$/;

/** policy explain: why a push was judged as it was, or how one would be. */
export function addExplain(policy: Command, output: Output): void {
  withJson(
    policy.command('explain [session]'),
    'refgate policy explain s-0mfx1k2p9abcd1234\n  $ refgate policy explain --user alice --group dev --repo acme/web --ref refs/heads/main --change delete',
  )
    .description(
      'say what every access line and rule makes of a recorded push, or of an update that you describe',
    )
    .option('--with <file>', 'by this policy; else by the one that judged the push, or the one in force')
    .option('--repo <repo>', 'the repository')
    .option('--ref <ref>', 'the ref name in full')
    .option('--change <change>', changes.join(', '))
    .option('--user <name>', 'who pushes')
    .option('--group <group>', 'a group of theirs; may be repeated', collect)
    .option('--service', 'a service, not a person')
    .action(async (given: string | undefined, _options: unknown, command: Command) => {
      const options = optionsOf<ExplainOptions>(command);
      if (given !== undefined && sessionId.test(given)) await explainSession(given, command, output);
      else if (given !== undefined && isAlone(options))
        throw new RefgateError(
          'USAGE',
          'client',
          `"${given}" is no session; refgate session list names them`,
        );
      else await explainImagined(given ?? options.with, command, output);
    });
}

/** Whether nothing describes an update that nobody made. */
function isAlone({ repo, ref, change, user }: ExplainOptions): boolean {
  return [repo, ref, change, user].every((one) => one === undefined);
}

async function explainSession(session: string, command: Command, output: Output): Promise<void> {
  const options = optionsOf<ExplainOptions>(command);
  const { with: file } = options;
  const policy = file === undefined ? undefined : { text: readText(file), file };
  const push = await adminOf(command).send<ExplainedPush>('POST', '/policy/explain', { session, policy });
  print(output, options.json, push, ({ user, repo, time, version, judgedBy, explanation }) => {
    const by = version === judgedBy ? 'which judged it' : `it was judged by ${judgedBy}`;
    const head = `${user} to ${repo} at ${time}, by policy ${version} (${by})\n`;
    return head + tell(user, repo, explanation as Explanation);
  });
}

async function explainImagined(file: string | undefined, command: Command, output: Output): Promise<void> {
  const options = optionsOf<ExplainOptions>(command);
  const repo = required('--repo', options.repo);
  const ref = required('--ref', options.ref);
  const change = oneOf('--change', changes, required('--change', options.change));
  const user = required('--user', options.user);
  if (!ref.startsWith('refs/'))
    throw new RefgateError('USAGE', 'client', `--ref takes a name in full, such as refs/heads/${ref}`);
  const text =
    file === undefined ? (await adminOf(command).get<{ text: string }>('/policy')).text : readText(file);
  const kind: PrincipalKind = options.service ? 'service' : 'person';
  const credential = { type: 'token', id: 'explain' } as const;
  const principal = { user, kind, groups: options.group ?? [], credential };
  const push = imaginePush([{ ref, change }]);
  const explanation = loadPolicy(text, file ?? 'policy').explain(principal, repo, push);
  print(output, options.json, explanation, (told) => tell(user, repo, told));
}

function required(option: string, value: string | undefined): string {
  if (value !== undefined) return value;
  const both = 'name a session, or give --repo, --ref, --change and --user';
  throw new RefgateError('USAGE', 'client', `${option} is missing; ${both}`);
}

type Explanation = ReturnType<ReturnType<typeof loadPolicy>['explain']>;
type ExplainedRef = Explanation['refs'][number];

function tell(user: string, repo: string, { read, refs }: Explanation): string {
  const reads = cleanText(`${user} reads ${repo} as: ${read}`, 1_000);
  return `${reads}\n\n${refs.map(explainRef).join('\n')}`;
}

function explainRef({ verdict, access, rules }: ExplainedRef): string {
  const mark = (matched: boolean): string => (matched ? 'matches ' : 'does not');
  const lines = [
    `${verdict.ref}: ${verdict.effect}`,
    ...access.map(({ line, read, matched, checks }) => {
      const says = read === undefined ? '' : ` (read: ${read})`;
      return `  access line ${line}${says}  ${mark(matched)}  ${whyOf(checks)}`;
    }),
    ...rules.map(({ rule, effect, mode, matched, checks }) => {
      const says = mode === 'evaluate' ? `${effect}, mode: evaluate` : effect;
      return `  rule ${rule} (${says})  ${mark(matched)}  ${whyOf(checks)}`;
    }),
    ...verdict.reasons.map(({ rule, text }) => `  because ${withRule(rule, text)}`),
    ...(verdict.warnings ?? []).map(({ rule, text }) => `  warns ${withRule(rule, text)}`),
    ...(verdict.wouldSay ?? []).map(
      ({ rule, text, effect }) => `  would ${effect} (mode: evaluate) ${withRule(rule, text)}`,
    ),
  ];
  return lines
    .flatMap((line) => line.split('\n'))
    .map((line) => `${/^ */.exec(line)?.[0]}${cleanText(line, 4_000)}\n`)
    .join('');
}

function withRule(rule: string, text: string): string {
  const said = text.startsWith(`${rule}: `) ? text : `${rule}: ${text}`;
  return said.replaceAll('\n', '\n    ');
}

function whyOf(
  checks: readonly { readonly key: string; readonly matched: boolean; readonly why: string }[],
): string {
  return checks.map((check) => `${check.key}: ${check.why}`).join('; ');
}
