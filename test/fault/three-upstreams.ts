/** A scene whose repositories lie behind sshd (`ssh-*`), git http-backend (`http-*`) and the disk (`path-*`). */
import { randomBytes } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { makeClientKey } from '../support/client.ts';
import { tempDir } from '../support/git.ts';
import { startHttpBackend } from '../support/http-backend.ts';
import type { Refgate } from '../support/refgate.ts';
import { type Sshd, startSshd } from '../support/sshd.ts';
import { makeScene, type Scene } from './scene.ts';

export const kinds = ['ssh', 'http', 'path'] as const;

export interface Behind {
  readonly scene: Scene;
  readonly sshd: Sshd;
  /** The private key's file, and the password: what only the agent may hold. */
  readonly deployKeyFile: string;
  readonly password: string;
}

/** Everything ends with the test. */
export async function behindThree(t: Pick<TestContext, 'after'>): Promise<Behind> {
  const dir = tempDir(t, 'up');
  const root = join(dir, 'srv');
  mkdirSync(join(root, 'acme'), { recursive: true });
  const deployKey = await makeClientKey(dir);
  const password = randomBytes(24).toString('base64url');
  const sshd = await startSshd(t);
  sshd.authorize(deployKey.publicLine);
  const web = await startHttpBackend(t, { root, login: { user: 'machine', password } });
  const scene = await makeScene(t, {
    root,
    config: {
      upstreams: {
        sshd: { ssh: { url: `${sshd.url}${root}`, hostKeys: [sshd.hostKey] } },
        web: { http: { url: web.url } },
        disk: { path: { root } },
      },
      repos: [
        { path: 'acme/ssh-*', upstream: 'sshd' },
        { path: 'acme/http-*', upstream: 'web' },
        { path: 'acme/*', upstream: 'disk' },
      ],
    },
    prepare: (refgate) => giveCredentials(refgate, deployKey.file, password),
  });
  return { scene, sshd, deployKeyFile: deployKey.file, password };
}

async function giveCredentials(refgate: Refgate, keyFile: string, password: string): Promise<void> {
  await refgate.ok(['deploy-key', 'import', '--upstream', 'sshd', '--file', keyFile]);
  const login = ['--user', 'machine', '--password-file', '-'];
  await refgate.ok(['upstream', 'credential', 'web', ...login], `${password}\n`);
}
