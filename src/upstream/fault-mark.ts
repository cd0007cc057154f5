import { parseFault } from './link.ts';

/**
 * The chunks of a conversation. An `ERR` pkt-line that begins with the agent's
 * mark, which no upstream knows, is thrown as the fault that it holds.
 */
export async function* withFaults(source: AsyncIterable<Buffer>, mark: string): AsyncGenerator<Buffer> {
  const sign = Buffer.from(`ERR ${mark} `);
  let fault: Buffer[] | undefined;
  for await (const chunk of source) {
    // The agent speaks between answers, so its word comes as a chunk of its own.
    if (!fault && chunk.subarray(4, 4 + sign.length).equals(sign)) fault = [];
    if (fault) fault.push(chunk);
    else yield chunk;
  }
  if (fault) throw parseFault(Buffer.concat(fault).toString('utf8', 4 + sign.length));
}
