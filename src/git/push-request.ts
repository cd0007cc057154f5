/** Push requests: gitprotocol-pack(5), "Reference Update Request and Packfile Transfer". */
import { RefgateError } from '../domain/error.ts';
import type { ObjectFormat, PushRequest, RefUpdate } from '../domain/git.ts';
import type { PushCapabilities } from '../domain/ports.ts';
import { Capabilities } from './capabilities.ts';
import { isOid, isZeroOid, parseObjectFormat } from './oid.ts';
import { chomp, type PktReader, pktText } from './pkt-line.ts';
import { quoted } from './protocol-error.ts';
import { checkRefName } from './ref-name.ts';
import { type RequestLimits, RequestLines } from './request-lines.ts';

export interface PushRequestOptions {
  /**
   * What the upstream can do; with `pushOptions` only when push options were advertised to this client.
   * Without `objectFormat` the client's word is taken, for the second half of smart HTTP.
   */
  readonly capabilities: Omit<PushCapabilities, 'objectFormat'> & { readonly objectFormat?: ObjectFormat };
  /** For the command list: lines are ref updates. */
  readonly limits: RequestLimits;
  /** For the push options, where there are any. */
  readonly optionLimits: RequestLimits;
  /**
   * What to do with `shallow` lines, which clients with a shallow clone send.
   * `drop` leaves them out of the request: the upstream then checks the push against its own full history.
   */
  readonly shallow: 'refuse' | 'drop';
  /** Refs outside refs/heads/ and refs/tags/ may be named too; the policy judges them. */
  readonly anyNamespace?: boolean;
}

/** How the client wants to be answered; known once the first command line was read, even when the request is refused. */
export interface PushReply {
  readonly report: PushRequest['report'];
  readonly sideband: boolean;
  /** The names of the well-formed commands, for `ng` lines. */
  readonly refs: readonly string[];
  /** The list was read to its flush-pkt (and so were the push options), so a report can be understood. */
  readonly complete: boolean;
}

/**
 * Reads a push request up to the pack; null when the client has nothing to push. Throws the first of:
 * PUSH_REQUEST_INVALID, PUSH_CERT_UNSUPPORTED, LIMIT_EXCEEDED, PKT_* and HUNG_UP at once; REF_NAME_INVALID,
 * REF_NAMESPACE and REF_TWICE only after the whole list has been read.
 */
export function readPushRequest(reader: PktReader, options: PushRequestOptions): Promise<PushRequest | null> {
  return new PushRequestReader(reader, options).read();
}

/** The same, for a caller that must answer a refused request in the client's terms. */
export class PushRequestReader {
  readonly #reader: PktReader;
  readonly #options: PushRequestOptions;
  readonly #updates: RefUpdate[] = [];
  readonly #names = new Set<string>();
  readonly #pushOptions: string[] = [];
  #capabilities: Capabilities | undefined;
  #refusal: RefgateError | undefined;
  #complete = false;
  #objectFormat: ObjectFormat | undefined;

  constructor(reader: PktReader, options: PushRequestOptions) {
    this.#reader = reader;
    this.#options = options;
    this.#objectFormat = options.capabilities.objectFormat;
  }

  get reply(): PushReply {
    const can = this.#capabilities;
    return {
      report: can?.has('report-status-v2') ? 'v2' : can?.has('report-status') ? 'v1' : 'none',
      sideband: can?.has('side-band-64k') ?? false,
      refs: [...this.#names],
      complete: this.#complete,
    };
  }

  async read(): Promise<PushRequest | null> {
    if (!(await this.#readCommands())) return null;
    const can = this.#capabilities ?? Capabilities.parse('', 'client');
    if (can.has('push-options')) await this.#readPushOptions();
    this.#complete = true;
    if (this.#refusal !== undefined) throw this.#refusal;
    const agent = can.get('agent');
    return {
      updates: this.#updates,
      pushOptions: this.#pushOptions,
      atomic: can.has('atomic'),
      quiet: can.has('quiet'),
      report: this.reply.report,
      sideband: this.reply.sideband,
      objectFormat: this.#objectFormat ?? 'sha1',
      ...(agent === undefined ? {} : { agent }),
      hasPack: this.#updates.some((update) => !isZeroOid(update.newOid)),
    };
  }

  /** Up to the flush-pkt, the only thing that ends the list; false when nothing came before it. */
  async #readCommands(): Promise<boolean> {
    const lines = new RequestLines(this.#reader, this.#options.limits);
    for (let first = true; ; first = false) {
      const payload = await lines.nextPayload();
      if (Buffer.isBuffer(payload)) {
        this.#takeLine(payload);
      } else if (payload.end === 'flush' || (payload.end === 'eof' && first)) {
        if (this.#updates.length === 0 && !first) throw invalid('no command before the flush-pkt');
        return !first;
      } else {
        throw lines.unexpected(payload);
      }
    }
  }

  #takeLine(payload: Buffer): void {
    const text = payload.toString('latin1');
    if (text.startsWith('push-cert')) throw new RefgateError('PUSH_CERT_UNSUPPORTED', 'client');
    if (text.startsWith('shallow ')) this.#takeShallow(text.slice(8).replace(/\n$/, ''));
    else this.#takeCommand(payload);
  }

  #takeShallow(oid: string): void {
    if (this.#options.shallow === 'refuse') {
      throw invalid('a push from a shallow clone; run git fetch --unshallow first');
    }
    if (this.#updates.length > 0 || !isOidOf(oid, this.#objectFormat)) {
      throw invalid(`${quoted(oid)} in a shallow line`);
    }
  }

  #takeCommand(payload: Buffer): void {
    const nul = payload.indexOf(0);
    if (nul >= 0 && this.#capabilities !== undefined) throw invalid('capabilities on a later line');
    const command = nul < 0 ? chomp(payload) : payload.subarray(0, nul);
    this.#capabilities ??= this.#takeCapabilities(
      nul < 0 ? Buffer.alloc(0) : chomp(payload.subarray(nul + 1)),
    );
    const update = this.#parseUpdate(command);
    if (this.#names.has(update.ref)) {
      this.#refusal ??= new RefgateError('REF_TWICE', 'client', quoted(update.ref));
    }
    try {
      checkRefName(update.ref, { anyNamespace: this.#options.anyNamespace === true });
    } catch (error) {
      if (!(error instanceof RefgateError)) throw error;
      this.#refusal ??= error;
    }
    this.#names.add(update.ref);
    this.#updates.push(update);
  }

  #parseUpdate(command: Buffer): RefUpdate {
    const text = pushText(command);
    const [oldOid = '', newOid = '', ...rest] = text.split(' ');
    const ref = rest.join(' ');
    const sound = isOidOf(oldOid, this.#objectFormat) && isOidOf(newOid, this.#objectFormat) && ref !== '';
    // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
    if (!sound || /[\u0000-\u0020\u007f]/.test(ref)) throw invalid(`${quoted(command)} is not a ref update`);
    if (isZeroOid(oldOid) && isZeroOid(newOid)) throw invalid(`${quoted(ref)} from nothing to nothing`);
    return { ref, oldOid, newOid };
  }

  #takeCapabilities(list: Buffer): Capabilities {
    const can = Capabilities.parse(pushText(list), 'client');
    const offered = this.#options.capabilities;
    const asked = parseObjectFormat(can.get('object-format'));
    if (asked === undefined)
      throw invalid(`${quoted(can.get('object-format') ?? '')} is not an object format`);
    this.#objectFormat ??= asked;
    if (asked !== this.#objectFormat) {
      throw invalid(`the object format of this repository is ${this.#objectFormat}`);
    }
    if (can.has('atomic') && !offered.atomic) throw invalid('atomic was not offered');
    if (can.has('push-options') && !offered.pushOptions) throw invalid('push options were not offered');
    if (can.has('push-cert')) throw new RefgateError('PUSH_CERT_UNSUPPORTED', 'client');
    return can;
  }

  async #readPushOptions(): Promise<void> {
    const lines = new RequestLines(this.#reader, this.#options.optionLimits);
    for (;;) {
      const step = await lines.next();
      if ('line' in step) this.#pushOptions.push(step.line);
      else if (step.end === 'flush') return;
      else throw lines.unexpected(step);
    }
  }
}

/** Before the first command names the format, either will do; the capabilities come with that command. */
function isOidOf(text: string, format: ObjectFormat | undefined): boolean {
  return format === undefined ? isOid(text, 'sha1') || isOid(text, 'sha256') : isOid(text, format);
}

function pushText(bytes: Buffer): string {
  try {
    return pktText(bytes, 'client');
  } catch (cause) {
    throw new RefgateError('PUSH_REQUEST_INVALID', 'client', `${quoted(bytes)} is not UTF-8`, { cause });
  }
}

function invalid(detail: string): RefgateError {
  return new RefgateError('PUSH_REQUEST_INVALID', 'client', detail);
}
