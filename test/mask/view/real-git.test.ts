import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import type { ObjectFormat, ObjectType, Oid } from '../../../src/domain/git.ts';
import type { ViewOf } from '../../../src/mask/view/view-function.ts';
import { git, initBare, runGit, tempDir } from '../../support/git.ts';
import { tokenAt, tokens, viewFunction } from './view-samples.ts';

const token = tokens.find((one) => /^[a-z]+_[A-Za-z0-9]+$/.test(one)) ?? '';

for (const format of ['sha1', 'sha256'] satisfies ObjectFormat[]) {
  test(`git takes a masked history of ${format} for an ordinary one`, async (t) => {
    const folder = tempDir(t, 'view');
    const [originals, shown] = [join(folder, 'originals.git'), join(folder, 'view.git')];
    await Promise.all([initBare(originals, format), initBare(shown, format)]);
    const view = viewFunction({ format });
    const views = new Map<Oid, Oid>();
    const viewOf: ViewOf = (oid) => views.get(oid);
    const named = { viewOfAncestor: viewOf, isAffected: (oid: Oid) => views.has(oid) };

    const put = (gitDir: string, type: ObjectType, content: Buffer): Promise<Oid> =>
      git(['hash-object', '-w', '--stdin', '-t', type], { cwd: gitDir, input: content });
    const add = async (type: ObjectType, content: Buffer): Promise<Oid> => {
      const oid = await put(originals, type, content);
      const masked =
        type === 'blob'
          ? view.blob(content)
          : type === 'tree'
            ? view.tree(content, viewOf)
            : type === 'commit'
              ? view.commit(content, viewOf, named)
              : view.tag(content, viewOf, named);
      const other = await put(shown, type, masked?.content ?? content);
      assert.equal(masked === undefined, other === oid);
      if (masked !== undefined) views.set(oid, other);
      return oid;
    };
    const tree = (rows: readonly (readonly [string, string, Oid])[]): Promise<Oid> =>
      add(
        'tree',
        Buffer.concat(
          rows.map(([mode, name, oid]) =>
            Buffer.concat([Buffer.from(`${mode} ${name}\0`), Buffer.from(oid, 'hex')]),
          ),
        ),
      );
    const ident = (name: string) => `${name} <a@acme.io> 1700000000 +0000`;
    const commit = (root: Oid, parents: readonly Oid[], name: string, rest: string): Promise<Oid> =>
      add(
        'commit',
        Buffer.from(
          `tree ${root}\n${parents.map((oid) => `parent ${oid}\n`).join('')}author ${ident(name)}\ncommitter ${ident('C')}\n${rest}`,
        ),
      );
    const signed = ['gpgsig -----BEGIN PGP SIGNATURE-----', '', 'abcd', '-----END PGP SIGNATURE-----\n'].join(
      '\n ',
    );

    const clean = await add('blob', Buffer.from('clean\n'));
    const secret = await add('blob', Buffer.from(`key: ${tokenAt(1)}\n`));
    const first = await commit(await tree([['100644', 'a', clean]]), [], 'A', `${signed}\nfirst\n`);
    const inner = await tree([
      ['100644', 'config', secret],
      ['120000', 'link', await add('blob', Buffer.from(`../${token}`))],
    ]);
    const root = await tree([
      ['100644', 'A', clean],
      ['100755', `${token}.sh`, clean],
      ['40000', token, inner],
    ]);
    const second = await commit(root, [first], `A ${token}`, `${signed}\nuse ${token}\n`);
    const third = await commit(root, [second, first], 'A', `${signed}\nrevert ${second}\n`);
    let tag = third;
    let type = 'commit';
    for (const name of ['v1', `v-${token}`]) {
      const text = `object ${tag}\ntype ${type}\ntag ${name}\ntagger ${ident('T')}\n\n${token}\n${signed.slice(7)}`;
      tag = await add('tag', Buffer.from(text));
      type = 'tag';
    }

    assert.equal(views.has(first), false);
    const tip = views.get(tag) ?? '';
    await git(['update-ref', 'refs/tags/v1', tip], { cwd: shown });
    const checked = await runGit(['fsck', '--full', '--strict', '--no-dangling'], { cwd: shown });
    assert.deepEqual(
      [checked.status, checked.stdout, checked.stderr.replace(/^notice: .*\n/gm, '')],
      [0, '', ''],
    );
    const log = await git(['log', '-p', '--root', '--format=raw', 'refs/tags/v1'], { cwd: shown });
    assert.equal(log.includes(token) || log.includes(tokenAt(1)), false);
    for (const oid of views.keys()) assert.equal(log.includes(oid), false);
    assert.ok(log.includes(`revert ${views.get(second)}`));
  });
}
