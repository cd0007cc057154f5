/**
 * The command of an SSH exec request. It is never given to a shell: it is one
 * known word, one space, and one path, quoted as git's sq_quote does, in plain double quotes, or bare.
 */
import { RefgateError } from '../domain/error.ts';
import type { Service } from '../domain/git.ts';
import { quoted } from './protocol-error.ts';

export interface GitCommand {
  readonly service: Service;
  /** As the client wrote it, unquoted; canonicalRepo makes it safe. */
  readonly path: string;
}

const maxCommandLength = 4096;

const unsupported: Readonly<Record<string, string>> = {
  'git-lfs-authenticate': 'Git LFS is not served here yet; push without LFS objects, or ask the operator',
  'git-lfs-transfer': 'Git LFS is not served here yet; push without LFS objects, or ask the operator',
  git: 'write git-upload-pack or git-receive-pack in one word',
  scp: 'files cannot be copied here; use git clone',
  sftp: 'files cannot be copied here; use git clone',
  rsync: 'files cannot be copied here; use git clone',
};

const singleQuoted = /^'[^']*'(?:\\['!]'[^']*')*$/;
const doubleQuoted = /^"([^"\\$`!]*)"$/;
const bare = /^[\w./~-]+$/;

/**
 * Reads the command strictly: no options, no second word, no line ends. Throws
 * COMMAND_INVALID, or SERVICE_UNSUPPORTED for commands that other Git servers have.
 */
export function parseCommandLine(command: string): GitCommand {
  const space = command.indexOf(' ');
  const word = space < 0 ? command : command.slice(0, space);
  const advice = Object.hasOwn(unsupported, word) ? unsupported[word] : undefined;
  if (advice !== undefined) throw new RefgateError('SERVICE_UNSUPPORTED', 'client', advice);
  const service = serviceOf(word);
  const path = space < 0 || command.length > maxCommandLength ? undefined : unquote(command.slice(space + 1));
  if (service === undefined || path === undefined || path === '' || path.startsWith('-')) {
    throw new RefgateError('COMMAND_INVALID', 'client', quoted(command));
  }
  return { service, path };
}

function serviceOf(word: string): Service | undefined {
  if (word === 'git-upload-pack') return 'upload-pack';
  if (word === 'git-upload-archive') return 'upload-archive';
  return word === 'git-receive-pack' ? 'receive-pack' : undefined;
}

function unquote(text: string): string | undefined {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
  if (/[\u0000-\u001f\u007f]/.test(text)) return undefined;
  if (singleQuoted.test(text)) return text.slice(1, -1).replace(/'\\(['!])'/g, '$1');
  return doubleQuoted.exec(text)?.[1] ?? (bare.test(text) ? text : undefined);
}
