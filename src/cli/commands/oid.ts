import type { Command } from 'commander';
import type { OidTranslation } from '../../domain/mask.ts';
import { formatTable, type Output, print } from '../output.ts';
import { visibleText } from '../visible-text.ts';
import { adminOf, optionsOf, withJson } from './shared.ts';

/** oid: what an object of a masked view is upstream, and the other way round. */
export function addOidCommand(program: Command, output: Output): void {
  withJson(program.command('oid <id>'), 'refgate oid 4c9a1f27e0b3 --repo acme/web')
    .description('what an oid of a masked view is upstream, and the other way round')
    .option('--repo <repo>', 'in this repository alone')
    .action(async (id: string, _options: unknown, command: Command) => {
      const { repo, json } = optionsOf<{ repo?: string }>(command);
      const path = `/oid/${encodeURIComponent(id)}`;
      const found = await adminOf(command).get<OidTranslation[]>(path, { repo });
      print(output, json, found, (all) =>
        formatTable(
          ['REPO', 'TYPE', 'ASKED', 'VIEW', 'UPSTREAM'],
          all.map((one) => [visibleText(one.repo), one.type, one.asked, one.view, one.original]),
        ),
      );
    });
}
