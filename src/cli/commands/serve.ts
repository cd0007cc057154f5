import { resolve } from 'node:path';
import type { Command } from 'commander';
import { loadConfig } from '../../app/config.ts';
import type { RunningServer } from '../../app/serve.ts';
import type { Output } from '../output.ts';
import { optionsOf } from './shared.ts';

/** serve and demo: the server itself, in the foreground. */
export function addServeCommands(program: Command, output: Output): void {
  program
    .command('serve')
    .description('run the gateway, and the embedded agent with it')
    .addHelpText('after', '\nExample:\n  $ refgate serve --config /etc/refgate/refgate.yaml')
    .action(async (_options: unknown, command: Command) => {
      const { startServer } = await loadServer();
      await runUntilStopped(async () => {
        const server = await startServer(loadConfig(optionsOf(command).config));
        output.out(`${JSON.stringify(server.ready)}\n`);
        return server;
      });
    });
  program
    .command('demo')
    .description('run a complete bastion before a sample repository, and print commands to try')
    .option('--dir <folder>', 'where the demo keeps everything', 'refgate-demo')
    .addHelpText('after', '\nExample:\n  $ refgate demo')
    .action(async (_options: unknown, command: Command) => {
      const { demoStory, prepareDemo, registerDemoUsers } = await import('../../app/demo.ts');
      const { startServer } = await loadServer();
      const folder = resolve(optionsOf<{ dir: string }>(command).dir);
      await runUntilStopped(async () => {
        const server = await startServer(loadConfig(prepareDemo(folder)), { freePortsWhenTaken: true });
        await registerDemoUsers(folder, server.directory);
        const { ssh, http } = server.ready;
        output.out(`${JSON.stringify(server.ready)}\n`);
        output.out(demoStory({ folder, ssh, http, hostKey: server.hostKey }));
        return server;
      });
    });
}

/** The server's modules take longer to load than any other command takes to run. */
const loadServer = (): Promise<typeof import('../../app/serve.ts')> => import('../../app/serve.ts');

/**
 * Starts a server and runs it until SIGINT or SIGTERM, which are heeded from the
 * beginning: who reads the ready line may stop us at once. A second one does
 * not wait for sessions that are still open.
 */
async function runUntilStopped(start: () => Promise<RunningServer>): Promise<void> {
  let stop = (): void => {};
  const stopped = new Promise<void>((resolve) => {
    stop = resolve;
  });
  let asked = 0;
  const onSignal = (): void => {
    asked += 1;
    if (asked > 1) process.exit(1);
    stop();
  };
  process.on('SIGINT', onSignal).on('SIGTERM', onSignal);
  try {
    const server = await start();
    await stopped;
    await server.close();
  } finally {
    process.off('SIGINT', onSignal).off('SIGTERM', onSignal);
  }
}
