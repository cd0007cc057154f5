/** The push request that goes to the upstream: gitprotocol-pack(5), "Reference Update Request and Packfile Transfer". */
import { RefgateError } from '../domain/error.ts';
import type { ObjectFormat, RefUpdate } from '../domain/git.ts';
import type { Capabilities } from './capabilities.ts';
import { encodePkt, flushPkt } from './pkt-line.ts';
import { protocolError } from './protocol-error.ts';

/** What was decided; RelayOrder is one. */
export interface PushCommand {
  readonly updates: readonly RefUpdate[];
  readonly pushOptions: readonly string[];
  readonly atomic: boolean;
  readonly quiet: boolean;
  readonly objectFormat: ObjectFormat;
}

/**
 * The command list and push options in canonical form; the pack follows. Asks
 * only for what the upstream advertised, and throws UPSTREAM_REFUSED when it cannot do what was decided, and
 * UPSTREAM_PROTOCOL when it reports no status. `agent` as in `refgate/0.1.0`.
 */
export function formatPushCommand(command: PushCommand, upstream: Capabilities, agent: string): Buffer {
  if (command.updates.length === 0) throw new RangeError('a push without ref updates');
  if (command.atomic && !upstream.has('atomic')) throw lacks('atomic pushes');
  if (command.pushOptions.length > 0 && !upstream.has('push-options')) throw lacks('push options');
  if (!upstream.has('report-status') && !upstream.has('report-status-v2')) {
    throw protocolError('upstream', 'the upstream does not report the status of a push');
  }
  const capabilities = [
    upstream.has('report-status-v2') ? 'report-status-v2' : 'report-status',
    ...(upstream.has('side-band-64k') ? ['side-band-64k'] : []),
    ...(command.quiet && upstream.has('quiet') ? ['quiet'] : []),
    ...(command.atomic ? ['atomic'] : []),
    ...(command.pushOptions.length > 0 ? ['push-options'] : []),
    ...(upstream.has('object-format') ? [`object-format=${command.objectFormat}`] : []),
    ...(upstream.has('agent') ? [`agent=${agent}`] : []),
  ];
  const lines = command.updates.map(({ ref, oldOid, newOid }, index) =>
    encodePkt(`${oldOid} ${newOid} ${ref}${index === 0 ? `\0 ${capabilities.join(' ')}` : ''}`),
  );
  const options =
    command.pushOptions.length > 0
      ? [...command.pushOptions.map((option) => encodePkt(option)), flushPkt]
      : [];
  return Buffer.concat([...lines, flushPkt, ...options]);
}

function lacks(what: string): RefgateError {
  return new RefgateError('UPSTREAM_REFUSED', 'upstream', `the upstream does not support ${what}`);
}
