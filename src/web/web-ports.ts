import type {
  AgentAdmin,
  BaselineAdmin,
  PolicyAdmin,
  PolicyTrials,
  UpstreamAdmin,
  VaultAdmin,
} from '../domain/admin.ts';
import type { HeldPushes, NotifyAdmin, PushReviews } from '../domain/approval.ts';
import type { Directory } from '../domain/identity.ts';
import type { Log } from '../domain/log.ts';
import type { LedgerCounts, LedgerReader } from '../domain/record.ts';
import type { SignIns } from './sign-ins.ts';

/** Everything that pages and the API speak for. */
export interface WebPorts {
  readonly directory: Directory;
  readonly ledger: LedgerReader & LedgerCounts;
  readonly policy: PolicyAdmin;
  readonly trials: PolicyTrials;
  readonly baselines: BaselineAdmin;
  readonly upstreams: UpstreamAdmin;
  readonly vault: VaultAdmin;
  readonly agents: AgentAdmin;
  readonly held: HeldPushes;
  readonly reviews: PushReviews;
  readonly notify: NotifyAdmin;
  readonly signIns: SignIns;
  /** Such as `https://git.example.com`, without a slash at the end; asked when needed, since the port may be chosen at start. */
  readonly publicUrl: () => string;
  /** Whether browsers come over TLS: the door has it, or `publicUrl` says so. */
  readonly secure: () => boolean;
  readonly log: Log;
}
