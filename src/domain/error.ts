/**
 * Stable codes: never reused, never changed in meaning. docs/errors.md is
 * generated from this table, in this order; the key is the code that people
 * see, the text says what happened.
 */
export const errorCodes = {
  // Git framing and messages
  PKT_LENGTH: 'a pkt-line has a length prefix that is not four lower-case hex digits of an allowed value',
  PKT_TRUNCATED: 'the stream ended inside a pkt-line',
  PKT_UNEXPECTED: 'a pkt-line came that the protocol does not allow at this point',
  PROTOCOL_ERROR: 'the peer said something that the Git protocol does not allow',
  LIMIT_EXCEEDED: 'a request is larger than the configured limit',
  COMMAND_INVALID: 'the SSH command is not git-upload-pack or git-receive-pack with one quoted path',
  SERVICE_UNSUPPORTED: 'the service is not served here',
  REPO_PATH_INVALID: 'the repository path is not of the form OWNER/REPO',
  // Push requests
  PUSH_REQUEST_INVALID: 'the list of ref updates is not well-formed',
  REF_NAME_INVALID: 'the ref name is not one that git accepts, or one that deceives people',
  REF_NAMESPACE: 'only refs/heads/ and refs/tags/ may be updated',
  REF_TWICE: 'one push names a ref more than once',
  PUSH_OPTION_DENIED: 'a push option is not allowed by policy',
  PUSH_CERT_UNSUPPORTED: 'signed pushes are not accepted',
  // Packs
  PACK_HEADER: 'the pack header is not valid',
  PACK_TRUNCATED: 'the pack ended too early',
  PACK_TRAILING: 'bytes follow the end of the pack',
  PACK_CHECKSUM: 'the pack trailer does not match its content',
  PACK_OBJECT_COUNT: 'the pack does not hold as many objects as its header says',
  PACK_OBJECT_TYPE: 'the pack holds an object of a type that does not exist',
  PACK_ZLIB: 'an object of the pack is not valid zlib data',
  PACK_OBJECT_SIZE: 'an object of the pack inflates to another size than declared',
  PACK_DELTA: 'a delta of the pack is not valid',
  PACK_DELTA_BASE: 'a delta of the pack refers to a base that does not exist',
  PACK_DELTA_CYCLE: 'deltas of the pack refer to each other in a circle',
  PACK_DUPLICATE: 'the pack holds one object twice',
  PACK_COLLISION: 'an object carries the mark of a known SHA-1 collision attack',
  PACK_TOO_LARGE: 'the pack is larger than the configured limit',
  PACK_TOO_MANY_OBJECTS: 'the pack holds more objects than the configured limit',
  PACK_OBJECT_TOO_LARGE: 'an object of the pack is larger than the configured limit',
  PACK_INFLATED_TOO_LARGE: 'the pack inflates to more than the configured limit',
  PACK_DELTA_DEPTH: 'a delta chain of the pack is deeper than the configured limit',
  PACK_MISSING_OBJECT: 'the push refers to an object that neither the pack nor the upstream holds',
  OBJECT_MALFORMED: 'a commit, tree or tag of the pack is not well-formed',
  OBJECT_NAME_UNSAFE: 'a tree or .gitmodules file of the pack holds a name or path that attacks checkouts',
  // Policy
  ACCESS_DENIED: 'no access line of the policy grants this',
  POLICY_DENIED: 'a rule of the policy refuses this ref update',
  APPROVAL_REQUIRED: 'a rule of the policy asks people to approve this ref update first',
  APPROVAL_DENIED: 'the people who were asked refused this ref update, or it was canceled',
  APPROVAL_LAPSED: 'nobody approved this ref update in time',
  HOLD_QUOTA: 'too many pushes of this user wait for approval already',
  VOTE_REFUSED: 'this vote does not count',
  HIDDEN_OBJECTS: 'the pack holds objects that no ref update of the push reaches',
  CONTENT_UNSCANNED: 'something that the push brings could not be searched for secrets',
  HISTORY_UNKNOWN: 'what the push brings could not be established',
  POLICY_INVALID: 'the policy file is not valid',
  OBJECTS_REFUSED: 'the pack of the push also holds objects of a ref update that was refused',
  ATOMIC_REFUSED: 'another ref of the same atomic push was refused',
  // Masked views
  VIEW_NOT_READY: 'the masked view of this repository is not ready',
  VIEW_DAMAGED: 'what Refgate keeps of a masked view is damaged',
  VIEW_REFUSED: 'what you may read of this repository does not include this',
  VIEW_FOREIGN: 'the push builds on history that did not come from the view that you read',
  VIEW_NEW_SECRET: 'the push brings a secret that your view would not show',
  VIEW_NOT_RESTORED: 'what was pushed cannot be put back onto the original',
  PLACEHOLDER_MOVED: 'a placeholder stands where the secret that it stands for was not',
  // Identity
  AUTHENTICATION_FAILED: 'the key, the token or the user is not known or not valid',
  ROLE_LACKING: 'the role of this user does not allow this',
  // Upstream and agent
  REPO_NOT_FOUND: 'there is no such repository, or you may not see it',
  UPSTREAM_UNREACHABLE: 'the agent for this upstream, or the upstream itself, did not answer',
  UPSTREAM_REFUSED: 'the upstream refused the credential or the request',
  UPSTREAM_HOST_KEY: 'the upstream showed a host key or certificate that is not the pinned one',
  UPSTREAM_PROTOCOL: 'the upstream answered something that is not the Git protocol, or lacks protocol v2',
  UPSTREAM_TIMEOUT: 'the upstream did not answer in time',
  UPSTREAM_LOST: 'the connection to the upstream broke; what it did is checked and recorded',
  CREDENTIAL_MISSING: 'the agent holds no credential for this repository',
  TIP_MOVED: 'the ref has moved on the upstream since the push began',
  JOB_INVALID: 'the agent refused a job whose signature, expiry, nonce or pack digest is not right',
  // Operation
  SECRET_RULES_INVALID: 'a file of secret rules is not valid',
  CONFIG_INVALID: 'the configuration is not valid',
  LEDGER_UNAVAILABLE: 'the ledger cannot be written, so nothing is done',
  LEDGER_CORRUPT: 'the ledger does not agree with its own hashes',
  SHUTTING_DOWN: 'the server is shutting down',
  USAGE: 'the command was not understood',
  NOT_FOUND: 'what was named does not exist',
  CONFLICT: 'what was named exists already, or changed meanwhile',
  CHECK_FAILED: 'a check or a test that was asked for did not pass',
  NOTIFY_FAILED: 'a notice could not be delivered',
  HUNG_UP: 'the client closed the connection',
  IDLE_TIMEOUT: 'the client sent nothing for too long',
  INTERNAL: 'something went wrong inside Refgate',
} as const;

export type ErrorCode = keyof typeof errorCodes;

/** Whose turn it is to act; the transport turns it into a status, a band or an exit code. */
export type Blame = 'client' | 'upstream' | 'operator' | 'refgate';

/**
 * The one error class. `message` is the table's text, then the detail. The
 * detail must not hold a credential; it may hold bytes of a peer, and is
 * cleaned of control characters where it is shown.
 */
export class RefgateError extends Error {
  readonly code: ErrorCode;
  readonly blame: Blame;
  readonly detail: string | undefined;
  /** Seconds after which to try again, where that is known. */
  readonly retryAfter: number | undefined;

  constructor(
    code: ErrorCode,
    blame: Blame,
    detail?: string,
    options?: { cause?: unknown; retryAfter?: number | undefined },
  ) {
    super(detail === undefined ? errorCodes[code] : `${errorCodes[code]}: ${detail}`, options);
    this.name = 'RefgateError';
    this.code = code;
    this.blame = blame;
    this.detail = detail;
    this.retryAfter = options?.retryAfter;
  }
}
