/** What git-archive(1) sends to git-upload-archive(1): pkt-lines `argument ...`, then a flush-pkt. */
import { RefgateError } from '../domain/error.ts';
import { encodePkt, flushPkt, type PktReader } from './pkt-line.ts';
import { protocolError, quoted } from './protocol-error.ts';
import { type RequestLimits, RequestLines } from './request-lines.ts';

/** As upload-archive itself takes. */
const maxArguments = 63;
const maxLength = 1024;

const plainOptions = /^(?:--format=(?:tar|zip|tgz|tar\.gz)|-[0-9]|--list|-l)$/;
const treeIsh = /^(?!-|[0-9a-f]{40}(?:[0-9a-f]{24})?(?::|$))(?!.*(?:\.\.|@\{))[^\s~^:?*[\\]+(?::(?!\/).*)?$/;

/**
 * The arguments, if they are ones that are served: a format, a level, a prefix, `--list`, one ref with a folder of it
 * or without, and paths. Throws SERVICE_UNSUPPORTED for others, PROTOCOL_ERROR, LIMIT_EXCEEDED, PKT_UNEXPECTED and HUNG_UP.
 */
export async function readArchiveRequest(
  reader: PktReader,
  limits: RequestLimits,
): Promise<readonly string[]> {
  const lines = new RequestLines(reader, limits);
  const args: string[] = [];
  for (;;) {
    const step = await lines.next();
    if ('line' in step) {
      if (!step.line.startsWith('argument '))
        throw protocolError('client', `expected an argument, got ${quoted(step.line)}`);
      args.push(step.line.slice('argument '.length));
    } else if (step.end === 'flush') {
      checkArguments(args);
      return args;
    } else {
      throw lines.unexpected(step);
    }
  }
}

function checkArguments(args: readonly string[]): void {
  const words = args.filter((arg) => !arg.startsWith('-'));
  const [tree, ...paths] = words;
  const bad =
    args.find((arg) => arg.startsWith('-') && !isOption(arg)) ??
    (tree === undefined || treeIsh.test(tree) ? undefined : tree) ??
    // A colon in front gives a path another meaning.
    paths.find((path) => path === '' || path.startsWith(':'));
  if (bad !== undefined) throw refused(bad);
  if (args.length > maxArguments || args.some((arg) => arg.length > maxLength))
    throw new RefgateError('LIMIT_EXCEEDED', 'client', 'too many or too long arguments of git archive');
  if (tree === undefined && !args.some((arg) => arg === '--list' || arg === '-l'))
    throw new RefgateError('PROTOCOL_ERROR', 'client', 'git archive without a branch or a tag');
}

function isOption(arg: string): boolean {
  if (plainOptions.test(arg)) return true;
  const prefix = /^--prefix=(.*)$/.exec(arg)?.[1];
  return prefix !== undefined && !prefix.startsWith('/') && !prefix.split('/').includes('..');
}

function refused(arg: string): RefgateError {
  const served = '--format=tar, zip or tgz, -0 to -9, --prefix=, --list, a branch or tag, and paths';
  return new RefgateError(
    'SERVICE_UNSUPPORTED',
    'client',
    `git archive ${quoted(arg)}; served are ${served}`,
  );
}

/** The same request, written canonically. */
export function formatArchiveRequest(args: readonly string[]): Buffer {
  return Buffer.concat([...args.map((arg) => encodePkt(`argument ${arg}\n`)), flushPkt]);
}
