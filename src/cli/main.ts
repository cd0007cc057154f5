import { Command, CommanderError } from 'commander';
import { version } from '../app/offline.ts';
import { type ErrorCode, errorCodes, RefgateError } from '../domain/error.ts';
import { addIdentityCommands } from './commands/identity.ts';
import { addAuditCommands, addSessionCommands } from './commands/ledger.ts';
import { addMaskCommands } from './commands/mask.ts';
import { addNotifyCommands } from './commands/notify.ts';
import { addOidCommand } from './commands/oid.ts';
import { addPolicyCommands } from './commands/policy.ts';
import { addPushCommands } from './commands/push.ts';
import { addSecretCommands } from './commands/secret.ts';
import { addSecretBaseline } from './commands/secret-baseline.ts';
import { addServeCommands } from './commands/serve.ts';
import { addUpstreamCommands } from './commands/upstream.ts';
import type { Output } from './output.ts';

/** Runs one command line; resolves to the exit status: 0 done, 1 refused or failed, 2 wrong usage. */
export async function runCli(args: readonly string[], output: Output): Promise<number> {
  const program = createProgram(output);
  try {
    await program.parseAsync(args, { from: 'user' });
    return 0;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    output.err(
      complaintOf(error)
        .split('\n')
        .map((line) => `refgate: ${line}\n`)
        .join(''),
    );
    return error instanceof RefgateError && error.code === 'USAGE' ? 2 : 1;
  }
}

/** Codes whose details are whole sentences: what the table says of them adds nothing for who has just typed the command. */
const plain: ReadonlySet<ErrorCode> = new Set([
  'USAGE',
  'NOT_FOUND',
  'CONFLICT',
  'CHECK_FAILED',
  'CONFIG_INVALID',
  'POLICY_INVALID',
]);

function complaintOf(error: unknown): string {
  if (error instanceof RefgateError)
    return plain.has(error.code) ? (error.detail ?? error.message) : error.message;
  if (process.env['REFGATE_LOG'] === 'debug' && error instanceof Error) return error.stack ?? error.message;
  return `${errorCodes.INTERNAL}: ${error}; REFGATE_LOG=debug shows where`;
}

function createProgram(output: Output): Command {
  const program = new Command('refgate')
    .description(
      'a bastion for Git: reads every push and fetch, keeps history safe, writes down what happened',
    )
    .version(version)
    .option('--config <file>', 'the configuration file', 'refgate.yaml')
    .exitOverride()
    .configureHelp({ showGlobalOptions: true })
    .configureOutput({ writeOut: (text) => output.out(text), writeErr: (text) => output.err(text) })
    .showHelpAfterError('(add --help for the whole usage)');
  addServeCommands(program, output);
  addIdentityCommands(program, output);
  addUpstreamCommands(program, output);
  addPolicyCommands(program, output);
  addNotifyCommands(program, output);
  const secret = program.command('secret').description('secrets in files, and in what repositories hold');
  addSecretCommands(secret, output);
  addSecretBaseline(secret, output);
  addMaskCommands(program, output);
  addOidCommand(program, output);
  addPushCommands(program, output);
  addSessionCommands(program, output);
  addAuditCommands(program, output);
  inheritSettings(program);
  return program;
}

/** commander copies settings to subcommands only where they were made with `.command()` before; this makes it so for all. */
function inheritSettings(command: Command): void {
  for (const child of command.commands) {
    child.copyInheritedSettings(command);
    inheritSettings(child);
  }
}

/** Whoever reads our output may stop before its end, as `head` does; a disk may be full. */
function onOutputError(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EPIPE')
    process.stderr.write(`refgate: the output cannot be written: ${error.message}\n`);
  process.exit(error.code === 'EPIPE' ? 0 : 1);
}

process.stdout.on('error', onOutputError);
process.stderr.on('error', () => {});
process.exitCode = await runCli(process.argv.slice(2), {
  out: (text) => void process.stdout.write(text),
  err: (text) => void process.stderr.write(text),
});
