import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { git, initBare, runGit, tempDir } from '../support/git.ts';

/** A real bare repository whose commits hold nothing, and real git services on it. */
export class RealRepository {
  readonly dir: string;
  readonly #tree: string;

  private constructor(dir: string, tree: string) {
    this.dir = dir;
    this.#tree = tree;
  }

  static async make(
    t: Pick<TestContext, 'after'>,
    objectFormat: 'sha1' | 'sha256' = 'sha1',
  ): Promise<RealRepository> {
    const dir = join(tempDir(t, 'grammar'), 'r.git');
    await initBare(dir, objectFormat);
    return new RealRepository(dir, await git(['mktree'], { cwd: dir }));
  }

  git(...args: string[]): Promise<string> {
    return git(args, { cwd: this.dir });
  }

  /** Commits the empty tree on a ref, and gives the oid. */
  async commit(ref: string, message: string, ...parents: string[]): Promise<string> {
    const from = parents.flatMap((parent) => ['-p', parent]);
    const oid = await this.git('commit-tree', this.#tree, '-m', message, ...from);
    await this.git('update-ref', ref, oid);
    return oid;
  }

  /** What a git service answers to one whole input. */
  async answer(args: readonly string[], input: Uint8Array, version = 0): Promise<Buffer> {
    const env = { GIT_PROTOCOL: `version=${version}` };
    return (await runGit([...args, this.dir], { input, env })).stdoutBytes;
  }
}
