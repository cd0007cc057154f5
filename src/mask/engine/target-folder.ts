import { createHash } from 'node:crypto';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Target } from '../../domain/ports.ts';
import type { ViewFolder } from '../build/contract.ts';

/** `upstream:path`, as it is recorded. */
export const targetName = ({ upstream, path }: Target): string => `${upstream}:${path}`;

/** The name of a target's folder, and its id in the store: 16 hex digits that differ, and a tail that people can read. */
export function targetId(target: Target): string {
  const digest = createHash('sha256').update(targetName(target)).digest('hex').slice(0, 16);
  const tail = target.path
    .replace(/[^A-Za-z0-9]+/g, '-')
    .replace(/^-|-$/g, '')
    .slice(-40);
  return `${digest}-${tail}`;
}

/** Where everything of a target is, below its own folder. */
export class TargetFolder implements ViewFolder {
  readonly dir: string;
  readonly originals: string;
  readonly temporary: string;

  constructor(dir: string) {
    this.dir = dir;
    this.originals = join(dir, 'originals.git');
    this.temporary = join(dir, 'tmp');
  }

  view(epoch: number): string {
    return join(this.dir, `view.${epoch}.git`);
  }

  cut(epoch: number): string {
    return join(this.dir, `cut.${epoch}.git`);
  }

  /** The epochs of which there is anything on disk. */
  async epochs(): Promise<readonly number[]> {
    const names = await readdir(this.dir).catch(() => []);
    const epochs = names.map((name) => /^(?:view|cut)\.(\d+)\.git$/.exec(name)?.[1]);
    return [...new Set(epochs.filter((epoch) => epoch !== undefined).map(Number))];
  }
}
