import type { KeyObject } from 'node:crypto';
import { RefgateError } from '../domain/error.ts';
import type { PushTarget, Target, Upstreams } from '../domain/ports.ts';
import { AgentFetchSource } from './fetch-source.ts';
import { type CheckStep, checkStepsSchema, linkPaths } from './link.ts';
import { defaultLinkTimeouts, LinkClient, type LinkTimeouts, readJson } from './link-client.ts';
import { AgentPushTarget } from './push-target.ts';

export interface UpstreamsOptions {
  /** By name of the upstream: where its agent listens. */
  readonly agents: ReadonlyMap<string, { readonly socket: string }>;
  /** The gateway's Ed25519 private key. */
  readonly signer: KeyObject;
  readonly timeouts?: Partial<LinkTimeouts>;
}

/** The ports of upstreams that are behind agents. */
export interface AgentUpstreams extends Upstreams {
  /** What works and what does not, of one repository. Throws only when the agent is not there. */
  check(target: Target): Promise<readonly CheckStep[]>;
}

/** Opens the ports over the agent link. A target whose upstream is not configured throws UPSTREAM_UNREACHABLE. */
export function createUpstreams({ agents, signer, timeouts }: UpstreamsOptions): AgentUpstreams {
  const limits = { ...defaultLinkTimeouts, ...timeouts };
  const linkTo = ({ upstream }: Target): LinkClient => {
    const agent = agents.get(upstream);
    if (agent) return new LinkClient(agent.socket, signer, limits);
    throw new RefgateError('UPSTREAM_UNREACHABLE', 'operator', `there is no upstream ${upstream}`);
  };
  return {
    fetchSource: (target, options) => new AgentFetchSource(linkTo(target), target, options),
    pushTarget: (target): PushTarget => new AgentPushTarget(linkTo(target), target),
    async check(target) {
      const { upstream, path } = target;
      const response = await linkTo(target).get(linkPaths.check, { op: 'check', upstream, path });
      return checkStepsSchema.parse(await readJson(response));
    },
  };
}
