import { pino } from 'pino';
import { RefgateError } from '../domain/error.ts';
import { helpText, readArguments } from './arguments.ts';
import { startAgent } from './start-agent.ts';

/**
 * refgate-agent: prints one JSON line when it is ready, logs to stderr, and ends
 * on SIGTERM, SIGINT, or (with --parent-stdin) when its stdin ends. Exit status
 * 0 done, 1 failed, 2 wrong usage.
 */
async function main(): Promise<void> {
  const log = pino({ name: 'refgate-agent' }, pino.destination({ dest: 2, sync: true }));
  if (process.argv.includes('--help') || process.argv.includes('-h')) {
    process.stdout.write(helpText);
    return;
  }
  const options = readArguments(process.argv.slice(2), process.env);
  // Git children of the path upstream must not inherit it.
  delete process.env['REFGATE_VAULT_KEY'];
  const agent = await startAgent(options, log);
  const stop = (): void => {
    void agent.close().then(() => process.exit(0));
  };
  process.once('SIGTERM', stop);
  process.once('SIGINT', stop);
  if (options.parentStdin) {
    process.stdin.resume();
    process.stdin.once('end', stop);
    process.stdin.once('error', stop);
  }
  process.stdout.write(`${JSON.stringify({ event: 'ready', socket: options.socket, pid: process.pid })}\n`);
}

try {
  await main();
} catch (error) {
  const known = error instanceof RefgateError ? error : undefined;
  if (known?.code === 'USAGE') process.stderr.write(`refgate-agent: ${known.detail}\n`);
  else process.stderr.write(`refgate-agent: ${known ? `${known.code}: ${known.message}` : String(error)}\n`);
  process.exit(known?.code === 'USAGE' ? 2 : 1);
}
