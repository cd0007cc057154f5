import { RefgateError } from '../../domain/error.ts';
import type { AdvertisedRef, Oid } from '../../domain/git.ts';
import type {
  FetchRequest,
  FetchResponse,
  FetchSource,
  LsRefsRequest,
  SourceCapabilities,
} from '../../domain/ports.ts';

/** Which of these tips of the view are the very objects of the original: whatever they reach is then the same too. */
export type SameOids = (oids: readonly Oid[]) => Promise<ReadonlySet<Oid>>;

const noneShown =
  'every branch and tag of this repository reaches a secret in its history; ask for masked reading, or for the secrets to be removed';

/**
 * A masked view of which only those refs are shown whose whole history holds no secret: their oids are those of the
 * original. Wants must be shown tips, or what their tags name, and there are no filters, since those fetch single objects later.
 * Throws VIEW_REFUSED (client) for other wants, and where there are refs and none of them may be shown.
 * @param view is closed with it.
 */
export function denySecrets(view: FetchSource, sameOids: SameOids): FetchSource {
  return new CleanRefsSource(view, sameOids);
}

class CleanRefsSource implements FetchSource {
  readonly #view: FetchSource;
  readonly #sameOids: SameOids;

  constructor(view: FetchSource, sameOids: SameOids) {
    this.#view = view;
    this.#sameOids = sameOids;
  }

  async capabilities(): Promise<SourceCapabilities> {
    return { ...(await this.#view.capabilities()), filter: false };
  }

  async *lsRefs(request: LsRefsRequest): AsyncGenerator<readonly AdvertisedRef[]> {
    const { prefixes } = request;
    const isAsked = ({ ref }: AdvertisedRef): boolean =>
      prefixes.length === 0 || prefixes.some((prefix) => ref.startsWith(prefix));
    const shown = (await this.#shown(request.unborn)).filter(isAsked);
    if (shown.length > 0) yield shown;
  }

  async fetch(request: FetchRequest): Promise<FetchResponse> {
    if (request.filter !== undefined)
      throw new RefgateError('PROTOCOL_ERROR', 'client', 'filters are not offered here');
    const refs = await this.#shown(false);
    const tips = new Set(refs.flatMap(({ oid, peeled }) => [oid, peeled]));
    const other = request.wants.find((oid) => !tips.has(oid));
    if (other !== undefined)
      throw new RefgateError(
        'VIEW_REFUSED',
        'client',
        `${other} is not a branch or tag that you see; fetch again`,
      );
    const names = new Set(refs.flatMap(({ ref }) => shortForms(ref)));
    const excluded = request.deepenNot.find((name) => !names.has(name));
    if (excluded !== undefined)
      throw new RefgateError('VIEW_REFUSED', 'client', `there is no ref ${excluded} that you see`);
    // A tag that comes along unasked may be one that is not shown.
    return this.#view.fetch({ ...request, includeTag: false });
  }

  close(): void {
    this.#view.close();
  }

  async #shown(unborn: boolean): Promise<readonly AdvertisedRef[]> {
    const all: AdvertisedRef[] = [];
    for await (const batch of this.#view.lsRefs({ prefixes: [], symrefs: true, peel: true, unborn }))
      all.push(...batch);
    const oids = [...new Set(all.flatMap(({ oid }) => (oid === null ? [] : [oid])))];
    if (oids.length === 0) return all;
    const same = await this.#sameOids(oids);
    const isSame = ({ oid }: AdvertisedRef): boolean => oid !== null && same.has(oid);
    const refs = all.filter((one) => one.ref !== 'HEAD' && isSame(one));
    if (refs.length === 0) throw new RefgateError('VIEW_REFUSED', 'client', noneShown);
    const names = new Set(refs.map(({ ref }) => ref));
    const head = all.find(({ ref }) => ref === 'HEAD');
    const isHeadShown =
      head !== undefined && isSame(head) && (head.symrefTarget === undefined || names.has(head.symrefTarget));
    return isHeadShown ? [head, ...refs] : refs;
  }
}

/** The ways in which git lets a ref be named. */
function shortForms(ref: string): readonly string[] {
  return [ref, ref.replace(/^refs\//, ''), ref.replace(/^refs\/(?:heads|tags)\//, '')];
}
