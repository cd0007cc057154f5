const most = 100_000;

/** Remembers of names (latin1) what is asked of them again and again; forgets them all at 100,000. */
export class NameVerdicts<Verdict> {
  readonly #judge: (name: Buffer) => Verdict;
  readonly #known = new Map<string, Verdict>();

  constructor(judge: (name: Buffer) => Verdict) {
    this.#judge = judge;
  }

  of(name: string): Verdict {
    const known = this.#known.get(name);
    if (known !== undefined) return known;
    if (this.#known.size >= most) this.#known.clear();
    const verdict = this.#judge(Buffer.from(name, 'latin1'));
    this.#known.set(name, verdict);
    return verdict;
  }
}
