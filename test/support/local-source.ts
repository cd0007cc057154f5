/** The read port on a bare repository of this disk, through the machine's `git upload-pack` in protocol v2. */
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import type { AdvertisedRef } from '../../src/domain/git.ts';
import type {
  FetchRequest,
  FetchResponse,
  FetchSource,
  LsRefsRequest,
  SourceCapabilities,
} from '../../src/domain/ports.ts';
import { PktReader } from '../../src/git/pkt-line.ts';
import { passThrough } from '../../src/git/sideband.ts';
import {
  formatFetch,
  formatLsRefs,
  readFetchHead,
  readLsRefs,
  readV2Capabilities,
} from '../../src/git/v2-source.ts';
import { gitEnv } from './git.ts';

export class LocalSource implements FetchSource {
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #reader: PktReader;
  #known: Promise<SourceCapabilities> | undefined;

  /** @param config as `-c` takes it, such as `uploadpack.allowFilter=true`. */
  constructor(gitDir: string, config: readonly string[] = ['uploadpack.allowFilter=true']) {
    const args = [...config.flatMap((line) => ['-c', line]), 'upload-pack', gitDir];
    this.#child = spawn('git', args, { env: gitEnv({ GIT_PROTOCOL: 'version=2' }) });
    this.#child.stdin.on('error', () => {});
    this.#child.stderr.resume();
    this.#reader = new PktReader(this.#child.stdout, 'upstream');
  }

  capabilities(): Promise<SourceCapabilities> {
    this.#known ??= readV2Capabilities(this.#reader);
    return this.#known;
  }

  async *lsRefs(request: LsRefsRequest): AsyncIterable<readonly AdvertisedRef[]> {
    const { objectFormat } = await this.capabilities();
    this.#child.stdin.write(formatLsRefs(request, { agent: 'test', objectFormat }));
    yield* readLsRefs(this.#reader, objectFormat);
  }

  async fetch(request: FetchRequest): Promise<FetchResponse> {
    const { objectFormat } = await this.capabilities();
    this.#child.stdin.write(formatFetch(request, { agent: 'test', objectFormat }));
    const { hasPack, ...head } = await readFetchHead(this.#reader, objectFormat);
    const cancel = () => this.close();
    return hasPack ? { ...head, cancel, pack: passThrough(this.#reader) } : { ...head, cancel };
  }

  close(): void {
    this.#child.stdin.end();
    this.#child.kill();
  }
}
