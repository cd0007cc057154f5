import { existsSync } from 'node:fs';
import type { Command } from 'commander';
import { changes, imaginePush, loadPolicy, testPolicy } from '../../app/offline.ts';
import type { PolicyVersion } from '../../domain/admin.ts';
import { RefgateError } from '../../domain/error.ts';
import type { PrincipalKind } from '../../domain/session.ts';
import { formatTable, type Output, print } from '../output.ts';
import { readText } from './identity.ts';
import { adminOf, collect, oneOf, optionsOf, withJson } from './shared.ts';

/** policy: what is allowed, checked and tried before it is in force. */
export function addPolicyCommands(program: Command, output: Output): void {
  const policy = program.command('policy').description('who may read and write what');
  addDeskCommands(policy, output);
  addServerCommands(policy, output);
}

/** What works on a file alone, without a server. */
function addDeskCommands(policy: Command, output: Output): void {
  withJson(policy.command('check <file>'), 'refgate policy check policy.yaml')
    .description('say everything that is wrong with a policy file, with line and column')
    .action((file: string, _options: unknown, command: Command) => {
      const { version } = loadPolicy(readText(file), file);
      print(
        output,
        optionsOf(command).json,
        { file, version },
        () => `${file} is valid; version ${version}\n`,
      );
    });
  withJson(policy.command('test <file> [cases]'), 'refgate policy test policy.yaml')
    .description('run the cases written in the policy file, or in a file beside it')
    .action((file: string, cases: string | undefined, _options: unknown, command: Command) => {
      const beside = cases === undefined ? undefined : { text: readText(cases), fileName: cases };
      const results = testPolicy(readText(file), file, beside);
      if (results.length === 0)
        throw new RefgateError('USAGE', 'client', `${file} has no tests:; see docs/policy.md`);
      print(output, optionsOf(command).json, results, (all) =>
        all.map((one) => `${one.passed ? 'ok    ' : 'FAILED'}  ${one.name}: ${one.detail}\n`).join(''),
      );
      const failed = results.filter((one) => !one.passed).length;
      if (failed > 0)
        throw new RefgateError('POLICY_INVALID', 'operator', `${failed} of ${results.length} tests failed`);
    });
  addExplain(policy, output);
}

interface ExplainOptions {
  readonly repo: string;
  readonly ref: string;
  readonly change: string;
  readonly user: string;
  readonly group?: string[];
  readonly service?: boolean;
}

function addExplain(policy: Command, output: Output): void {
  withJson(
    policy.command('explain [file]'),
    'refgate policy explain --user alice --group dev --repo acme/web --ref refs/heads/main --change delete',
  )
    .description(
      'say what every access line and rule makes of one update, of a file or of the policy in force',
    )
    .requiredOption('--repo <repo>', 'the repository')
    .requiredOption('--ref <ref>', 'the ref name in full')
    .requiredOption('--change <change>', changes.join(', '))
    .requiredOption('--user <name>', 'who pushes')
    .option('--group <group>', 'a group of theirs; may be repeated', collect)
    .option('--service', 'a service, not a person')
    .action(async (file: string | undefined, _options: unknown, command: Command) => {
      const options = optionsOf<ExplainOptions>(command);
      const { ref } = options;
      if (!ref.startsWith('refs/'))
        throw new RefgateError('USAGE', 'client', `--ref takes a name in full, such as refs/heads/${ref}`);
      const text =
        file === undefined ? (await adminOf(command).get<{ text: string }>('/policy')).text : readText(file);
      const kind: PrincipalKind = options.service ? 'service' : 'person';
      const principal = {
        user: options.user,
        kind,
        groups: options.group ?? [],
        credential: { type: 'token', id: 'explain' },
      } as const;
      const explanation = loadPolicy(text, file ?? 'policy').explain(
        principal,
        options.repo,
        imaginePush([{ ref, change: oneOf('--change', changes, options.change) }]),
      );
      print(output, options.json, explanation, ({ refs }) => refs.map(explainRef).join('\n'));
    });
}

type ExplainedRef = ReturnType<ReturnType<typeof loadPolicy>['explain']>['refs'][number];

function explainRef({ verdict, access, rules }: ExplainedRef): string {
  const mark = (matched: boolean): string => (matched ? 'matches ' : 'does not');
  const lines = [
    `${verdict.ref}: ${verdict.effect}`,
    ...access.map((one) => `  access line ${one.line}  ${mark(one.matched)}  ${whyOf(one.checks)}`),
    ...rules.map((one) => `  rule ${one.rule} (${one.effect})  ${mark(one.matched)}  ${whyOf(one.checks)}`),
    ...verdict.reasons.map(
      ({ rule, text }) => `  because ${text.startsWith(`${rule}: `) ? '' : `${rule}: `}${text}`,
    ),
  ];
  return `${lines.join('\n')}\n`;
}

function whyOf(
  checks: readonly { readonly key: string; readonly matched: boolean; readonly why: string }[],
): string {
  return checks.map((check) => `${check.key}: ${check.why}`).join('; ');
}

function addServerCommands(policy: Command, output: Output): void {
  withJson(policy.command('apply <file>'), 'refgate policy apply policy.yaml')
    .description('put a policy in force; a bad one never replaces a good one')
    .action(async (file: string, _options: unknown, command: Command) => {
      const applied = await adminOf(command).send<{ version: string; previous?: string }>(
        'POST',
        '/policy/apply',
        {
          text: readText(file),
          file,
        },
      );
      print(output, optionsOf(command).json, applied, ({ version, previous }) =>
        version === previous
          ? `version ${version} is in force already\n`
          : `version ${version} is in force (was ${previous ?? 'none'})\n`,
      );
    });
  withJson(policy.command('show [version]'), 'refgate policy show')
    .description('print the policy in force, or a kept version')
    .action(async (version: string | undefined, _options: unknown, command: Command) => {
      if (version !== undefined && existsSync(version)) {
        throw new RefgateError('USAGE', 'client', `${version} is a file; policy show takes a version`);
      }
      const path = version === undefined ? '/policy' : `/policy/versions/${encodeURIComponent(version)}`;
      const kept = await adminOf(command).get<{ version: string; text: string }>(path);
      print(output, optionsOf(command).json, kept, ({ text }) => text);
    });
  withJson(policy.command('history'), 'refgate policy history')
    .description('list every version: when, and by whom')
    .action(async (_options: unknown, command: Command) => {
      const versions = await adminOf(command).get<PolicyVersion[]>('/policy/history');
      print(output, optionsOf(command).json, versions, (all) =>
        formatTable(
          ['VERSION', 'APPLIED', 'BY'],
          all.map((one) => [one.version, one.appliedAt, one.actor]),
        ),
      );
    });
}
