import {
  type Document,
  isAlias,
  isMap,
  isNode,
  isScalar,
  LineCounter,
  parseDocument,
  visit,
  type YAMLError,
} from 'yaml';
import type { z } from 'zod';
import { didYouMean } from './nearest.ts';
import { keysHere } from './schema-parts.ts';
import { innerKeys } from './schema-when.ts';

/** One thing that is wrong with a policy file, at a place that starts at 1:1. */
export interface PolicyProblem {
  readonly line: number;
  readonly column: number;
  /** One line: what is wrong, and what to do. */
  readonly text: string;
}

type Path = readonly PropertyKey[];

/** Text beyond this many characters is refused before it is parsed. */
const maxTextLength = 1 << 20;

const quoteIt = 'what begins with "*" is an alias of YAML unless it is in quotes, such as "**/*.exe"';
const lookHere = 'look at the indentation and the quotes of this line and of the one above it';

const faultTexts: Readonly<Record<string, string>> = {
  TAB_AS_INDENT: 'a tab cannot indent a line; use spaces',
  BAD_ALIAS: quoteIt,
  DUPLICATE_KEY: 'the key is in this map already; remove one of the two',
};

/** A parsed YAML file that still knows where each value stood. */
export class PolicySource {
  readonly problems: PolicyProblem[] = [];
  /** The plain value; undefined when the text is not YAML. */
  readonly value: unknown;
  readonly #lines = new LineCounter();
  readonly #document: Document | undefined;

  constructor(text: string) {
    if (text.length > maxTextLength) {
      this.#add(
        0,
        `the file is longer than ${maxTextLength} characters; split what it protects, or use globs`,
      );
      return;
    }
    try {
      const document = parseDocument(text, {
        lineCounter: this.#lines,
        prettyErrors: false,
        logLevel: 'silent',
      });
      this.#addFaults([...document.errors, ...document.warnings]);
      this.#addUnquoted(document);
      if (this.problems.length > 0) return;
      this.#document = document;
      this.value = document.toJS({ maxAliasCount: 100 });
    } catch (error) {
      // Nesting and aliases without end exhaust the parser's stack or its own limit.
      this.#add(
        0,
        `the file cannot be read as YAML: ${error instanceof Error ? error.message : 'unknown cause'}`,
      );
    }
  }

  /** Notes a problem at the value that the path leads to, or at the nearest one above it. */
  report(path: Path, text: string): void {
    this.#add(this.#offsetOf(path), text);
  }

  /** Every issue of the schema as a problem at its place. */
  reportIssues(issues: readonly z.core.$ZodIssue[], above: Path = []): void {
    for (const issue of issues) {
      const path = [...above, ...issue.path];
      if (issue.code === 'unrecognized_keys')
        for (const key of issue.keys) this.#add(this.#offsetOfKey(path, key), tellKey(key, issue.message));
      else {
        const nearest = issue.code === 'invalid_union' ? nearestBranch(issue.errors) : undefined;
        if (nearest) this.reportIssues(nearest, path);
        else this.report(path, this.#explain(issue, path));
      }
    }
  }

  /** The plain value at a path. */
  at(path: Path): unknown {
    const node = path.length === 0 ? this.#document?.contents : this.#document?.getIn(path);
    return isScalar(node) ? node.value : node;
  }

  #explain(issue: z.core.$ZodIssue, path: Path): string {
    const key = [...path].reverse().find((part) => typeof part === 'string');
    const name = key === undefined ? '' : `"${String(key)}": `;
    const missing = this.#document && path.length > 0 && !this.#document.hasIn(path);
    if (missing && typeof path.at(-1) === 'string') return `${name}is missing; ${issue.message}`;
    return `${name}${issue.message}${this.#found(issue, path)}`;
  }

  /** The offending value, where the message does not hold it. */
  #found(issue: z.core.$ZodIssue, path: Path): string {
    const value = path.length === 0 ? undefined : this.at(path);
    const told = typeof value === 'string' ? JSON.stringify(value.slice(0, 60)) : String(value);
    const scalar = ['string', 'number', 'boolean'].includes(typeof value);
    return !scalar || (typeof value === 'string' && issue.message.includes(told)) || value === ''
      ? ''
      : `, not ${told}`;
  }

  #offsetOf(path: Path): number {
    for (let depth = path.length; depth >= 0; depth--) {
      const node = depth === 0 ? this.#document?.contents : this.#document?.getIn(path.slice(0, depth), true);
      if (isNode(node) && node.range) return node.range[0];
    }
    return 0;
  }

  #offsetOfKey(path: Path, key: string): number {
    const map = path.length === 0 ? this.#document?.contents : this.#document?.getIn(path, true);
    if (isMap(map))
      for (const pair of map.items)
        if (isScalar(pair.key) && String(pair.key.value) === key && pair.key.range) return pair.key.range[0];
    return this.#offsetOf(path);
  }

  /** A fault of the grammar makes others after it, so that only the first one is told; keys that are there twice do not. */
  #addFaults(faults: readonly YAMLError[]): void {
    const first = [...faults].sort((a, b) => a.pos[0] - b.pos[0])[0];
    const repeated = faults.every(({ code }) => code === 'DUPLICATE_KEY');
    for (const fault of repeated ? faults : faults.filter((one) => one === first))
      this.#add(fault.pos[0], faultTexts[fault.code] ?? `not YAML: ${fault.message}; ${lookHere}`);
  }

  /** An alias that stands for nothing was meant as a pattern. */
  #addUnquoted(document: Document): void {
    const anchors = new Set<string>();
    visit(document, {
      Node: (_, node) => {
        if (isAlias(node) && !anchors.has(node.source)) {
          this.#add(node.range?.[0] ?? 0, quoteIt);
          return visit.BREAK;
        }
        if (!isAlias(node) && node.anchor !== undefined) anchors.add(node.anchor);
        return undefined;
      },
    });
  }

  #add(offset: number, text: string): void {
    const place = this.#lines.lineStarts.length > 0 ? this.#lines.linePos(offset) : { line: 1, col: 1 };
    // biome-ignore lint/suspicious/noControlCharactersInRegex: a problem is one line, whatever the file holds
    const oneLine = text.replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]+/g, ' ');
    this.problems.push({ line: place.line || 1, column: place.col || 1, text: oneLine });
  }
}

/** An unknown key, the one that was probably meant, and those that there are. */
function tellKey(key: string, message: string): string {
  const keys = message.startsWith(keysHere) ? message.slice(keysHere.length).split(', ') : [];
  const home = Object.keys(innerKeys).find((one) => keys.includes(one) && innerKeys[one]?.includes(key));
  const hint = home === undefined ? didYouMean(key, keys) : `; write it inside "${home}"`;
  return `the key "${key}" is unknown${hint}${hint.endsWith('?') ? ' ' : '; '}${message}`;
}

/**
 * What is wrong with the one form of several that was probably meant: the one
 * whose problems lie deepest. Undefined when the value has none of the forms.
 */
function nearestBranch(
  branches: readonly (readonly z.core.$ZodIssue[])[],
): readonly z.core.$ZodIssue[] | undefined {
  const inside = (issue: z.core.$ZodIssue) => issue.path.length > 0 || issue.code === 'unrecognized_keys';
  return (
    branches.find((issues) => issues.some(inside)) ??
    branches.find((issues) => issues.every((issue) => issue.code !== 'invalid_type'))
  );
}
