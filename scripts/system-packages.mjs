/**
 * The Debian packages that tests want: other people's Git clients and servers, and a browser.
 * Installed only by root where apt-get is; elsewhere, and on failure, the tests
 * that want them say so and are skipped.
 */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';

const runs = (command, ...args) => spawnSync(command, args, { stdio: 'ignore' }).error === undefined;
const imports = (module) =>
  spawnSync('/usr/bin/python3', ['-c', `import ${module}`], { stdio: 'ignore' }).status === 0;

const wanted = [
  { packages: ['git'], present: () => runs('git', '--version') },
  { packages: ['openssh-server'], present: () => existsSync('/usr/sbin/sshd') || runs('sshd', '-V') },
  { packages: ['openssh-client'], present: () => runs('ssh', '-V') },
  { packages: ['openssl'], present: () => runs('openssl', 'version') },
  { packages: ['python3-pygit2'], present: () => imports('pygit2') },
  { packages: ['python3-dulwich'], present: () => imports('dulwich') },
  { packages: ['libjgit-java'], present: () => existsSync('/usr/share/java/org.eclipse.jgit.jar') },
  { packages: ['default-jdk-headless'], present: () => runs('javac', '-version') },
  { packages: ['ssh-audit'], present: () => runs('ssh-audit', '--help') },
  { packages: ['chromium'], present: () => existsSync('/usr/bin/chromium') },
];

/** Installs what is missing, quietly. Gives the packages that are still missing. */
export function installSystemPackages() {
  const missing = wanted.filter(({ present }) => !present());
  if (missing.length === 0) return [];
  if (process.getuid?.() === 0 && runs('apt-get', '--version')) {
    process.stderr.write(`refgate: installing for the tests: ${names(missing).join(' ')}\n`);
    const options = {
      stdio: 'ignore',
      env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
      timeout: 240_000,
    };
    spawnSync('apt-get', ['update', '-qq'], options);
    const install = ['install', '-y', '-qq', '--no-install-recommends'];
    // One that cannot be had must not keep the others away.
    if (spawnSync('apt-get', [...install, ...names(missing)], options).status !== 0) {
      for (const name of names(missing)) spawnSync('apt-get', [...install, name], options);
    }
  }
  return names(missing.filter(({ present }) => !present()));
}

const names = (entries) => entries.flatMap(({ packages }) => packages);
