import { existsSync } from 'node:fs';
import type { Command } from 'commander';
import { checkPolicy, cleanText, loadPolicy, policyWarnings, testPolicy } from '../../app/offline.ts';
import type { PolicyVersion } from '../../domain/admin.ts';
import { RefgateError } from '../../domain/error.ts';
import { diffLines } from '../diff-lines.ts';
import { formatJson, formatTable, type Output, print } from '../output.ts';
import { readText } from './identity.ts';
import { addBacktest } from './policy-backtest.ts';
import { addExplain } from './policy-explain.ts';
import { adminOf, optionsOf, withJson } from './shared.ts';

/** policy: what is allowed, checked and tried before it is in force. */
export function addPolicyCommands(program: Command, output: Output): void {
  const policy = program.command('policy').description('who may read and write what');
  addCheck(policy, output);
  addTest(policy, output);
  addExplain(policy, output);
  addBacktest(policy, output);
  addApply(policy, output);
  addVersions(policy, output);
}

function addCheck(policy: Command, output: Output): void {
  withJson(policy.command('check <file>'), 'refgate policy check policy.yaml')
    .description('say everything that is wrong with a policy file, with line and column')
    .action((file: string, _options: unknown, command: Command) => {
      const { json } = optionsOf(command);
      const text = readText(file);
      const problems = json ? checkPolicy(text) : [];
      if (problems.length > 0) {
        output.out(`${formatJson({ file, problems })}\n`);
        throw new RefgateError('CHECK_FAILED', 'operator', `${file}: ${problems.length} problems`);
      }
      const { version } = loadPolicy(text, file);
      const warnings = policyWarnings(text, new Date().toISOString());
      for (const { line, column, text: warning } of json ? [] : warnings)
        output.err(`${file}:${line}:${column}: warning: ${cleanText(warning, 1_000)}\n`);
      print(
        output,
        json,
        { file, version, problems, warnings },
        () => `${file} is valid; version ${version}\n`,
      );
    });
}

function addTest(policy: Command, output: Output): void {
  withJson(policy.command('test <file> [cases]'), 'refgate policy test policy.yaml')
    .description('run the cases written in the policy file, or in a file beside it')
    .action((file: string, cases: string | undefined, _options: unknown, command: Command) => {
      const beside = cases === undefined ? undefined : { text: readText(cases), fileName: cases };
      const results = testPolicy(readText(file), file, beside);
      if (results.length === 0)
        throw new RefgateError('USAGE', 'client', `${file} has no tests:; see docs/policy.md`);
      print(output, optionsOf(command).json, results, formatResults);
      refuseFailed(results);
    });
}

type Results = ReturnType<typeof testPolicy>;

function formatResults(results: Results): string {
  const lines = results.flatMap(({ passed, name, detail, diff }) => [
    `${passed ? 'ok    ' : 'FAILED'}  ${name}: ${detail}`,
    ...(passed ? [] : diff.map((line) => `          ${line}`)),
  ]);
  return lines.map((line) => `${cleanText(line, 1_000)}\n`).join('');
}

function refuseFailed(results: Results): void {
  const failed = results.filter((one) => !one.passed).length;
  if (failed > 0)
    throw new RefgateError('CHECK_FAILED', 'operator', `${failed} of ${results.length} tests failed`);
}

interface Applied {
  readonly version: string;
  readonly previous?: string;
}

function addApply(policy: Command, output: Output): void {
  withJson(policy.command('apply <file>'), 'refgate policy apply policy.yaml')
    .description('put a policy in force; a bad one never replaces a good one')
    .option('--dry-run', 'check it, run its tests, show what would change in the text, and apply nothing')
    .action(async (file: string, _options: unknown, command: Command) => {
      const options = optionsOf<{ dryRun?: boolean }>(command);
      const text = readText(file);
      if (options.dryRun) return dryRun(text, file, command, output);
      const applied = await adminOf(command).send<Applied>('POST', '/policy/apply', { text, file });
      print(output, options.json, applied, formatApplied);
    });
}

function formatApplied({ version, previous }: Applied): string {
  return version === previous
    ? `version ${version} is in force already\n`
    : `version ${version} is in force (was ${previous ?? 'none'})\n`;
}

async function dryRun(text: string, file: string, command: Command, output: Output): Promise<void> {
  const { json } = optionsOf(command);
  const { version } = loadPolicy(text, file);
  const tests = testPolicy(text, file);
  const admin = adminOf(command);
  // What this command line takes, the server must take as well: it may be of another version.
  await admin.send('POST', '/policy/check', { text, file });
  const inForce = await admin.get<{ version: string; text: string }>('/policy');
  const diff = diffLines(inForce.text, text);
  print(output, json, { version, inForce: inForce.version, diff, tests, applied: false }, () => {
    const change =
      version === inForce.version
        ? `version ${version} is in force already\n`
        : `--- in force ${inForce.version}\n+++ ${file} ${version}\n${diff}`;
    const ran = tests.length === 0 ? `${file} has no tests\n` : formatResults(tests);
    return `${change}${ran}nothing was applied\n`;
  });
  refuseFailed(tests);
}

function addVersions(policy: Command, output: Output): void {
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
  withJson(policy.command('rollback <version>'), 'refgate policy rollback 3f2a9c81d0e7')
    .description('put a kept version in force again; it becomes the newest of the history')
    .action(async (version: string, _options: unknown, command: Command) => {
      const applied = await adminOf(command).send<Applied>('POST', '/policy/rollback', { version });
      print(output, optionsOf(command).json, applied, formatApplied);
    });
}
