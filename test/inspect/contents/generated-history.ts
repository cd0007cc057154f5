/** Histories with everything that a tree can hold, for tests of what is read from them. */
import fc from 'fast-check';
import { git, initBare, runGit } from '../../support/git.ts';
import { data, fastImport } from '../../support/repos.ts';

/** One edit of one commit: which path, and what becomes of it. */
interface Edit {
  readonly path: string;
  readonly what: 'file' | 'executable' | 'symlink' | 'submodule' | 'delete' | 'move';
  readonly value: number;
}

export interface Step {
  readonly parents: readonly number[];
  readonly edits: readonly Edit[];
}

/** `a` and `a/x` are a file and a folder in turn; `a.c` stands between the two in a tree. */
const paths = ['a', 'a/x', 'a/y/z', 'a.c', 'b/x', 'b/x/deep/est', 'ü/ñ.txt', 'f 1', 'c', 'd/e/f/g'];

const edits = fc.record({
  path: fc.constantFrom(...paths),
  what: fc.constantFrom(
    'file',
    'file',
    'file',
    'executable',
    'symlink',
    'submodule',
    'delete',
    'move',
  ) as fc.Arbitrary<Edit['what']>,
  value: fc.nat(4),
});

/** Commit n has parents below n, up to three of them; none makes another root. */
export const histories: fc.Arbitrary<readonly Step[]> = fc
  .array(
    fc.record({
      parents: fc.uniqueArray(fc.nat(11), { minLength: 0, maxLength: 3 }),
      edits: fc.array(edits, { maxLength: 6 }),
    }),
    { minLength: 2, maxLength: 10 },
  )
  .map((steps) =>
    steps.map((step, n) => ({
      parents: n === 0 ? [] : [...new Set(step.parents.map((parent) => parent % n))],
      edits: step.edits,
    })),
  );

/** Makes the history in a bare repository, commit n under refs/heads/c<n>; gives the oids. */
export async function makeHistory(
  gitDir: string,
  steps: readonly Step[],
  format: 'sha1' | 'sha256' = 'sha1',
): Promise<readonly string[]> {
  await initBare(gitDir, format);
  let stream = '';
  for (const [n, { parents, edits }] of steps.entries()) {
    const [first, ...others] = parents.map((parent) => `:${parent + 1}\n`);
    stream += `commit refs/heads/c${n}\nmark :${n + 1}\nauthor Ann <ann@example.com> ${1_700_000_000 + n} +0000\n`;
    stream += `committer Cid <cid@example.com> ${1_700_000_000 + n} +0000\n${data(`commit ${n}\n`)}`;
    if (first !== undefined) stream += `from ${first}`;
    stream += others.map((mark) => `merge ${mark}`).join('');
    // A merge of the machine's own making would bring the files of its other parents along.
    if (others.length > 0) stream += `M 100644 inline f${others.length}\n${data(`m${n % 2}\n`)}`;
    stream += `${edits.map((edit) => editLine(edit, format)).join('')}\n`;
  }
  await fastImport(gitDir, stream);
  const refs = steps.map((_, n) => `refs/heads/c${n}`);
  return (await git(['rev-parse', ...refs], { cwd: gitDir })).split('\n');
}

function editLine({ path, what, value }: Edit, format: 'sha1' | 'sha256'): string {
  const quoted = JSON.stringify(path);
  const digits = format === 'sha1' ? 40 : 64;
  switch (what) {
    case 'delete':
      return `D ${quoted}\n`;
    case 'move':
      // One content under many names, of which one comes and another goes.
      return `D ${JSON.stringify(paths[value])}\nM 100644 inline ${quoted}\n${data('moved about\n')}`;
    case 'submodule':
      return `M 160000 ${String(value + 1).repeat(digits)} ${quoted}\n`;
    case 'symlink':
      return `M 120000 inline ${quoted}\n${data(`target ${value}`)}`;
    default:
      return `M ${what === 'file' ? '100644' : '100755'} inline ${quoted}\n${data(`content ${value}\n`)}`;
  }
}

export interface ListedObject {
  readonly oid: string;
  readonly type: string;
  readonly content: Buffer;
}

/** Every object of a repository, by oid. */
export async function allObjects(gitDir: string): Promise<Map<string, ListedObject>> {
  const run = await runGit(['cat-file', '--batch', '--batch-all-objects'], { cwd: gitDir });
  const objects = new Map<string, ListedObject>();
  const bytes = run.stdoutBytes;
  for (let at = 0; at < bytes.length; ) {
    const end = bytes.indexOf(10, at);
    const [oid = '', type = '', size = '0'] = bytes.toString('latin1', at, end).split(' ');
    objects.set(oid, { oid, type, content: bytes.subarray(end + 1, end + 1 + Number(size)) });
    at = end + 2 + Number(size);
  }
  return objects;
}
