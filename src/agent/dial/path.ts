import { type ChildProcess, spawn } from 'node:child_process';
import { realpath, stat } from 'node:fs/promises';
import { join, sep } from 'node:path';
import { RefgateError } from '../../domain/error.ts';
import type { Service } from '../../domain/git.ts';
import type { PathDefinition } from '../../upstream/link-definition.ts';
import { collectComplaint, endedEarly } from './complaint.ts';
import type { Dial, DialTimeouts } from './dial.ts';
import { firstByte } from './first-byte.ts';
import { checkedRepoPath } from './repo-path.ts';
import { type ServiceStream, statefulReceivePack, statefulUploadPack } from './stateful.ts';

/** Serves bare repositories below a folder by running the machine's git. Needs no credential. */
export function dialPath(definition: PathDefinition, timeouts: DialTimeouts): Dial {
  const running = new Set<ChildProcess>();

  const open = async (service: Service, path: string, signal: AbortSignal): Promise<ServiceStream> => {
    const gitDir = await findRepository(definition.root, path);
    const child = spawn('git', [service, gitDir], {
      env: gitEnvironment(gitDir),
      stdio: 'pipe',
      cwd: gitDir,
    });
    running.add(child);
    const exited = new Promise<number | undefined>((resolve) => {
      child.once('error', () => resolve(undefined));
      child.once('close', (status) => resolve(status ?? undefined));
    });
    void exited.then(() => running.delete(child));
    // A git that ends early closes its input; its output tells why.
    child.stdin.on('error', () => {});
    const complaint = collectComplaint(child.stderr);
    const abort = (): void => stop(child);
    try {
      await firstByte(child.stdout, timeouts.firstByte, signal, async () =>
        endedEarly(complaint(), await exited),
      );
    } catch (error) {
      abort();
      throw error;
    }
    return { input: child.stdin, output: child.stdout, complaint, abort };
  };

  return {
    uploadPack: (path, { signal }) => statefulUploadPack(open, path, signal),
    receivePack: (path, { signal }) => statefulReceivePack(open, path, signal),
    without: ['host-key', 'credential'],
    close() {
      for (const child of running) stop(child);
    },
  };
}

/** Input first: a receive-pack without the end of its pack changes nothing, and cleans up behind itself. */
function stop(child: ChildProcess): void {
  child.stdin?.destroy();
  child.stdout?.destroy();
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill('SIGTERM');
  const timer = setTimeout(() => child.kill('SIGKILL'), 5000);
  child.once('exit', () => clearTimeout(timer));
}

/** The real folder of the repository. REPO_NOT_FOUND also when a symbolic link leads out of the root. */
async function findRepository(root: string, path: string): Promise<string> {
  const realRoot = await realpath(root).catch((cause: unknown) => {
    throw new RefgateError('UPSTREAM_UNREACHABLE', 'operator', `the folder ${root} cannot be read`, {
      cause,
    });
  });
  const base = join(realRoot, checkedRepoPath(path));
  for (const candidate of [`${base}.git`, base]) {
    const real = await realpath(candidate).catch(() => undefined);
    if (!real?.startsWith(realRoot + sep)) continue;
    if ((await stat(join(real, 'HEAD')).catch(() => undefined))?.isFile()) return real;
  }
  throw new RefgateError('REPO_NOT_FOUND', 'client', path);
}

/** Nothing of the agent's environment but the search path, and nothing of the user's configuration. */
function gitEnvironment(gitDir: string): NodeJS.ProcessEnv {
  const settings = [
    ['safe.directory', gitDir],
    ['uploadpack.allowFilter', 'true'],
    ['uploadpack.allowAnySHA1InWant', 'true'],
  ];
  const environment: NodeJS.ProcessEnv = {
    PATH: process.env['PATH'],
    HOME: '/',
    LC_ALL: 'C',
    GIT_CONFIG_GLOBAL: '/dev/null',
    GIT_NO_REPLACE_OBJECTS: '1',
    GIT_PROTOCOL: 'version=2',
    GIT_CONFIG_COUNT: String(settings.length),
  };
  for (const [index, [key, value]] of settings.entries()) {
    environment[`GIT_CONFIG_KEY_${index}`] = key;
    environment[`GIT_CONFIG_VALUE_${index}`] = value;
  }
  return environment;
}
