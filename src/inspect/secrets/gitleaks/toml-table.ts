import { parse, TomlError } from 'smol-toml';
import { invalidRules } from '../rules/rule-file.ts';

/** A table of a user's TOML file whose keys are found whatever their case, as gitleaks reads them. */
export class TomlTable {
  /** The file, and what in it: the head of every complaint. */
  readonly where: string;
  readonly #values: ReadonlyMap<string, unknown>;
  readonly #asked = new Set<string>();

  constructor(values: Readonly<Record<string, unknown>>, where: string) {
    this.where = where;
    const all = new Map<string, unknown>();
    for (const [key, value] of Object.entries(values)) {
      const before = all.get(key.toLowerCase());
      const both = Array.isArray(before) && Array.isArray(value) ? [...before, ...value] : value;
      all.set(key.toLowerCase(), both);
    }
    this.#values = all;
  }

  has(key: string): boolean {
    return this.#take(key) !== undefined;
  }

  text(key: string): string | undefined {
    return this.#typed(key, 'a text in quotes', (value) => typeof value === 'string') as string | undefined;
  }

  texts(key: string): readonly string[] {
    const isTexts = (value: unknown): boolean =>
      Array.isArray(value) && value.every((one) => typeof one === 'string');
    return (this.#typed(key, 'a list of texts in quotes', isTexts) ?? []) as readonly string[];
  }

  number(key: string): number | undefined {
    return this.#typed(key, 'a number', (value) => typeof value === 'number') as number | undefined;
  }

  /** A number of things: whole, and not negative. */
  count(key: string): number | undefined {
    const isCount = (value: unknown): boolean => Number.isSafeInteger(value) && (value as number) >= 0;
    return this.#typed(key, 'a whole number that is not negative', isCount) as number | undefined;
  }

  flag(key: string): boolean {
    return this.#typed(key, 'true or false', (value) => typeof value === 'boolean') === true;
  }

  /** `[key]`, or every one of `[[key]]`. */
  tables(key: string): readonly TomlTable[] {
    const value = this.#take(key);
    const all = value === undefined ? [] : Array.isArray(value) ? value : [value];
    return all.map((one: unknown, index) => {
      if (typeof one !== 'object' || one === null || Array.isArray(one))
        throw invalidRules(`${this.where}: ${key} is not a table; write [${key}] or [[${key}]]`);
      const name = all.length > 1 ? `${key} ${index + 1}` : key;
      return new TomlTable(one as Record<string, unknown>, `${this.where}: ${name}`);
    });
  }

  /** The same table under another name in complaints. */
  named(where: string): TomlTable {
    return new TomlTable(Object.fromEntries(this.#values), where);
  }

  /** Keys that nobody asked for. */
  unknown(): readonly string[] {
    return [...this.#values.keys()].filter((key) => !this.#asked.has(key));
  }

  #take(key: string): unknown {
    const lower = key.toLowerCase();
    this.#asked.add(lower);
    return this.#values.get(lower);
  }

  #typed(key: string, what: string, right: (value: unknown) => boolean): unknown {
    const value = this.#take(key);
    if (value === undefined || right(value)) return value;
    throw invalidRules(`${this.where}: ${key} = ${quote(value)} is not ${what}`);
  }
}

/** Reads a file, or throws SECRET_RULES_INVALID (operator) with line and column. */
export function readToml(text: string, file: string): TomlTable {
  try {
    return new TomlTable(parse(text), file);
  } catch (cause) {
    if (!(cause instanceof TomlError)) throw cause;
    const [first = ''] = cause.message.split('\n');
    throw invalidRules(`${file}:${cause.line}:${cause.column}: ${first}`, cause);
  }
}

/** A value as it is shown in a complaint, cut where it is long. */
export function quote(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value);
  return text.length <= 120 ? text : `${text.slice(0, 117)}...`;
}
