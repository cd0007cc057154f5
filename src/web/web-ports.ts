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
import type { MaskAdmin, MaskedViews, ReadMode } from '../domain/mask.ts';
import type { LedgerCounts, LedgerReader } from '../domain/record.ts';
import type { Principal } from '../domain/session.ts';
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
  readonly mask: MaskAdmin;
  /** What readers of a view may see of a text. */
  readonly views: Pick<MaskedViews, 'textFor'>;
  /** How the principal reads the repository by the policy in force; undefined where no access line lets them read it. What throws counts as not in clear. */
  readonly readModeOf: (principal: Principal, repo: string) => ReadMode | undefined;
  readonly signIns: SignIns;
  /** Such as `https://git.example.com`, without a slash at the end; asked when needed, since the port may be chosen at start. */
  readonly publicUrl: () => string;
  /** Whether browsers come over TLS: the door has it, or `publicUrl` says so. */
  readonly secure: () => boolean;
  readonly log: Log;
}
