import type { Command } from 'commander';
import { RefgateError } from '../../domain/error.ts';
import { type AdminClient, connectAdmin } from '../admin-client.ts';
import { isRemote } from '../remote-admin.ts';

/** Options that every administrative command has. */
export interface CommonOptions {
  readonly config: string;
  readonly json?: boolean;
}

/** `--json`, and an example under the help text. */
export function withJson(command: Command, example: string): Command {
  return command
    .option('--json', 'print JSON for machines')
    .addHelpText('after', `\nExample:\n  $ ${example}`);
}

/** The options of a command together with the ones of `refgate` itself. */
export function optionsOf<T>(command: Command): T & CommonOptions {
  return command.optsWithGlobals<T & CommonOptions>();
}

/** The server of `--config` where it is given, else that of REFGATE_URL where it is set, else that of ./refgate.yaml. */
export function adminOf(command: Command): AdminClient {
  return connectAdmin(optionsOf(command).config, { isFar: isFar(command) });
}

/** Whether the command goes to REFGATE_URL. @throws USAGE when only one of the two variables is set */
export function isFar(command: Command): boolean {
  return command.getOptionValueSourceWithGlobals('config') !== 'cli' && isRemote();
}

/** commander's way to gather a repeated option. */
export function collect(value: string, before: readonly string[] = []): string[] {
  return [...before, value];
}

/** One of the words, or USAGE with all of them. */
export function oneOf<T extends string>(what: string, words: readonly T[], given: string): T {
  const found = words.find((word) => word === given);
  if (found === undefined)
    throw new RefgateError('USAGE', 'client', `${what} is one of ${words.join(', ')}, not ${given}`);
  return found;
}
