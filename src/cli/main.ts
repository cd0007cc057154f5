import { Command, CommanderError } from 'commander';
import { RefgateError } from '../domain/error.ts';
import { addIdentityCommands } from './commands/identity.ts';
import { addAuditCommands, addSessionCommands } from './commands/ledger.ts';
import { addPolicyCommands } from './commands/policy.ts';
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
    if (!(error instanceof RefgateError)) throw error;
    output.err(
      error.message
        .split('\n')
        .map((line) => `refgate: ${line}\n`)
        .join(''),
    );
    return error.code === 'USAGE' ? 2 : 1;
  }
}

function createProgram(output: Output): Command {
  const program = new Command('refgate')
    .description(
      'a bastion for Git: reads every push and fetch, keeps history safe, writes down what happened',
    )
    .option('--config <file>', 'the configuration file', 'refgate.yaml')
    .exitOverride()
    .configureOutput({ writeOut: (text) => output.out(text), writeErr: (text) => output.err(text) })
    .showHelpAfterError('(add --help for the whole usage)');
  addServeCommands(program, output);
  addIdentityCommands(program, output);
  addUpstreamCommands(program, output);
  addPolicyCommands(program, output);
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

process.exitCode = await runCli(process.argv.slice(2), {
  out: (text) => void process.stdout.write(text),
  err: (text) => void process.stderr.write(text),
});
