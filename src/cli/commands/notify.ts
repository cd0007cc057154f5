import type { Command } from 'commander';
import type { DeadNotice, NotifierStatus } from '../../domain/approval.ts';
import { formatTable, type Output, print } from '../output.ts';
import { adminOf, optionsOf, withJson } from './shared.ts';

/** notify: who is told of held pushes, and what could not be told. */
export function addNotifyCommands(program: Command, output: Output): void {
  const notify = program.command('notify').description('who is told of pushes that wait for people');
  withJson(notify.command('list'), 'refgate notify list')
    .description('list the notifiers of the configuration, and how it goes')
    .action(async (_options: unknown, command: Command) => {
      const all = await adminOf(command).get<NotifierStatus[]>('/notify');
      print(output, optionsOf(command).json, all, statusTable);
    });
  withJson(notify.command('dead'), 'refgate notify dead')
    .description('list the notices that were given up, newest first')
    .action(async (_options: unknown, command: Command) => {
      const all = await adminOf(command).get<DeadNotice[]>('/notify/dead');
      print(output, optionsOf(command).json, all, deadTable);
    });
  withJson(notify.command('retry [id]'), 'refgate notify retry n-0mi8x2k4f00011a2b3c4d')
    .description('put a notice that was given up back in line; without an id, all of them')
    .action(async (id: string | undefined, _options: unknown, command: Command) => {
      const done = await adminOf(command).send<{ retried: number }>('POST', '/notify/dead/retry', { id });
      print(output, optionsOf(command).json, done, ({ retried }) =>
        retried === 1 ? '1 notice is sent again\n' : `${retried} notices are sent again\n`,
      );
    });
  withJson(notify.command('test <name>'), 'refgate notify test chat')
    .description('send a sample now, and tell what the receiver said')
    .action(async (name: string, _options: unknown, command: Command) => {
      const done = await adminOf(command).send<{ name: string }>('POST', '/notify/test', { name });
      print(output, optionsOf(command).json, done, () => `${name} has taken the sample\n`);
    });
}

function statusTable(all: readonly NotifierStatus[]): string {
  return formatTable(
    ['NAME', 'KIND', 'WAITING', 'DEAD', 'LAST SENT', 'WHERE', 'LAST ERROR'],
    all.map((one) => [
      one.name,
      one.kind,
      String(one.waiting),
      String(one.dead),
      one.lastSent ?? '-',
      one.where,
      one.lastError === undefined ? '-' : `${one.lastError.time} ${one.lastError.text}`,
    ]),
  );
}

function deadTable(all: readonly DeadNotice[]): string {
  return formatTable(
    ['ID', 'NOTIFIER', 'NOTICE', 'PUSH', 'GIVEN UP', 'TRIES', 'WHY'],
    all.map((one) => [one.id, one.notifier, one.type, one.push, one.time, String(one.attempts), one.error]),
  );
}
