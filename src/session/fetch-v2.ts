import type { FetchRequest, LsRefsRequest } from '../domain/ports.ts';
import { flushPkt } from '../git/pkt-line.ts';
import { formatV2Advertisement, readV2Command, type V2Command } from '../git/v2-request.ts';
import { formatFetchHead, writeLsRefs } from '../git/v2-response.ts';
import { counted, type FetchWork } from './fetch-work.ts';
import { recordFetch, recordLsRefs } from './record-fetch.ts';
import { agentName } from './version.ts';

/** A client that speaks protocol v2: gitprotocol-v2(5). */
export async function serveV2(work: FetchWork): Promise<void> {
  const { session, reader, limits } = work;
  const { mode } = session.channel;
  if (mode === 'rpc') {
    const command = await readV2Command(reader, undefined, limits);
    if (command === null) return;
    // One command, one question: what the upstream lacks it says itself.
    work.renewSource({ stateless: true, objectFormat: command.objectFormat });
    await serveCommand(work, command);
    return;
  }
  const capabilities = await work.source.capabilities();
  await session.out.write(formatV2Advertisement(capabilities, agentName));
  if (mode === 'advertise') return;
  for (;;) {
    const command = await readV2Command(reader, capabilities, limits);
    if (command === null) return;
    await serveCommand(work, command);
  }
}

async function serveCommand(work: FetchWork, command: V2Command): Promise<void> {
  await work.checkAgain();
  if (command.command === 'ls-refs') await serveLsRefs(work, command.request);
  else await serveFetchCommand(work, command.request);
}

async function serveLsRefs(work: FetchWork, request: LsRefsRequest): Promise<void> {
  const { session, source } = work;
  await recordLsRefs(work, request.prefixes);
  await session.out.writeAll(writeLsRefs(counted(work, source.lsRefs(request)), request));
}

async function serveFetchCommand(work: FetchWork, request: FetchRequest): Promise<void> {
  const { session, source } = work;
  await recordFetch(work, request, request.haves.length);
  const response = await source.fetch(request);
  await session.out.write(formatFetchHead(request, response));
  if (response.pack === undefined) return;
  work.served.pack = true;
  work.inSideband = true;
  try {
    await session.out.writeAll(response.pack);
  } catch (error) {
    response.cancel();
    throw error;
  }
  await session.out.write(flushPkt);
  work.inSideband = false;
}
