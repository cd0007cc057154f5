import { git, initBare } from '../support/git.ts';
import { data, fastImport } from '../support/repos.ts';

/**
 * A bare repository whose commit n has the parents parents[n] (indexes below
 * n), each under refs/heads/c<n>; gives their oids in that order.
 */
export async function makeGraph(
  gitDir: string,
  parents: readonly (readonly number[])[],
  objectFormat: 'sha1' | 'sha256' = 'sha1',
): Promise<readonly string[]> {
  await initBare(gitDir, objectFormat);
  let stream = '';
  for (const [n, of] of parents.entries()) {
    const [first, ...others] = of.map((parent) => `:${parent + 1}\n`);
    // Dates run backwards now and then, as those of real machines do.
    const date = 1_700_000_000 + (n % 3 === 0 ? -n : n) * 60;
    stream += `commit refs/heads/c${n}\nmark :${n + 1}\ncommitter A <a@example.com> ${date} +0000\n${data(`commit ${n}\n`)}`;
    if (first !== undefined) stream += `from ${first}`;
    stream += others.map((mark) => `merge ${mark}`).join('');
    stream += `M 100644 inline f${n % 4}\n${data(`content ${n}\n`)}\n`;
  }
  await fastImport(gitDir, stream);
  const refs = parents.map((_, n) => `refs/heads/c${n}`);
  return (await git(['rev-parse', ...refs], { cwd: gitDir })).split('\n');
}

/** The part of HeldPack that ancestry asks, for a pack that holds some commits of the graph. */
export function heldCommits(
  oids: readonly string[],
  parents: readonly (readonly number[])[],
  inPack: (index: number) => boolean,
): { parentsOf(oid: string): readonly string[] | undefined; typeOf(oid: string): 'commit' | undefined } {
  const known = new Map(
    oids.flatMap((oid, n) =>
      inPack(n) ? [[oid, (parents[n] ?? []).map((p) => oids[p] ?? '')] as const] : [],
    ),
  );
  return {
    parentsOf: (oid) => known.get(oid),
    typeOf: (oid) => (known.has(oid) ? 'commit' : undefined),
  };
}
