/** Cuts bytes at a separator, which belongs to no part; gives the parts of each piece together, as latin1. What ends without a separator is a part too. */
export async function* splitOutput(
  pieces: AsyncIterable<Buffer>,
  separator: '\n' | '\0',
): AsyncGenerator<readonly string[]> {
  let rest = '';
  for await (const piece of pieces) {
    const parts = (rest + piece.toString('latin1')).split(separator);
    rest = parts.pop() as string;
    if (parts.length > 0) yield parts;
  }
  if (rest !== '') yield [rest];
}
