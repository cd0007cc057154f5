import type { GitChild } from '../objects/git-child.ts';

/**
 * What upload-pack offers and reads on a view, whatever the repository's own file says: filters, wants of any object,
 * and nothing that speaks of other places.
 */
const settings = [
  ['uploadpack.allowFilter', 'true'],
  ['uploadpack.allowAnySHA1InWant', 'true'],
  ['uploadpack.allowRefInWant', 'false'],
  ['uploadpack.advertiseBundleURIs', 'false'],
  ['transfer.advertiseObjectInfo', 'false'],
  ['transfer.advertiseSID', 'false'],
  ['lsrefs.unborn', 'advertise'],
  // git refuses folders of another user otherwise, as in a container whose volume belongs to root.
  ['safe.directory', '*'],
] as const;

/** What refs name, and no program of a repository's choice: attributes of a file may ask for a signature's check. */
const archiveSettings = [
  ['uploadArchive.allowUnreachable', 'false'],
  ['gpg.program', 'false'],
  ['gpg.ssh.program', 'false'],
  ['gpg.x509.program', 'false'],
  ['safe.directory', '*'],
] as const;

/** Added to the environment of an upload-pack that serves a view; the protocol is version 2. */
export const serviceEnvironment: Readonly<Record<string, string>> = {
  GIT_PROTOCOL: 'version=2',
  ...configured(settings),
};

/** Added to the environment of an upload-archive. */
export const archiveEnvironment = configured(archiveSettings);

function configured(lines: readonly (readonly [string, string])[]): Readonly<Record<string, string>> {
  const pairs = lines.flatMap(([key, value], index) => [
    [`GIT_CONFIG_KEY_${index}`, key],
    [`GIT_CONFIG_VALUE_${index}`, value],
  ]);
  return { GIT_CONFIG_COUNT: String(lines.length), ...Object.fromEntries(pairs) };
}

const patience = 5_000;

/**
 * Ends a git that serves, with the children that it has: it is asked to, and killed after five seconds. Resolves once it
 * is gone. May be called twice.
 */
export async function stopService({ process: child, ended, kill }: GitChild): Promise<void> {
  child.stdin.destroy();
  child.stdout.destroy();
  let timer: NodeJS.Timeout | undefined;
  if (child.exitCode === null && child.signalCode === null) {
    child.kill('SIGTERM');
    timer = setTimeout(kill, patience);
  }
  await ended.catch(() => {});
  clearTimeout(timer);
}
