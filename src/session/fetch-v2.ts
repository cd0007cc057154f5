import type { FetchRequest, LsRefsRequest } from '../domain/ports.ts';
import { flushPkt } from '../git/pkt-line.ts';
import { formatV2Advertisement, readV2Command } from '../git/v2-request.ts';
import { formatFetchHead, writeLsRefs } from '../git/v2-response.ts';
import { counted, type FetchWork } from './fetch-work.ts';
import { recordFetch } from './record-fetch.ts';
import { agentName } from './version.ts';

/** A client that speaks protocol v2: gitprotocol-v2(5). */
export async function serveV2(work: FetchWork): Promise<void> {
  const { session, source, reader, limits } = work;
  const { mode } = session.channel;
  const capabilities = await source.capabilities();
  if (mode !== 'rpc') await session.out.write(formatV2Advertisement(capabilities, agentName));
  if (mode === 'advertise') return;
  for (;;) {
    const command = await readV2Command(reader, capabilities, limits);
    if (command === null) return;
    await work.checkAgain();
    if (command.command === 'ls-refs') await serveLsRefs(work, command.request);
    else await serveFetchCommand(work, command.request);
    if (mode === 'rpc') return;
  }
}

async function serveLsRefs(work: FetchWork, request: LsRefsRequest): Promise<void> {
  const { session, source, target } = work;
  await session.record('fetch.requested', { target, refPrefixes: [...request.prefixes] });
  await session.out.writeAll(writeLsRefs(counted(work, source.lsRefs(request)), request));
}

async function serveFetchCommand(work: FetchWork, request: FetchRequest): Promise<void> {
  const { session, source } = work;
  await recordFetch(work, request);
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
