import type { RefVerdict } from '../domain/policy.ts';
import type { Principal } from '../domain/session.ts';
import { describedPush } from './describe.ts';
import type { Effect, PolicyCase } from './document.ts';
import { type LoadedPolicy, loadCases, loadPolicy } from './load.ts';

/** How one case ended. `detail` is one line that says what was expected and what came. */
export interface CaseResult {
  readonly name: string;
  readonly passed: boolean;
  readonly detail: string;
  /** Of a case that failed: lines that begin with `-` (expected), `+` (came) or a space (what was said). */
  readonly diff: readonly string[];
}

/**
 * Runs the cases that are written in the policy file, and those of a file
 * beside it. Throws POLICY_INVALID (operator) when either cannot be read.
 */
export function testPolicy(
  text: string,
  fileName: string,
  beside?: { readonly text: string; readonly fileName: string },
): readonly CaseResult[] {
  const policy = loadPolicy(text, fileName);
  const cases = [...policy.cases, ...(beside ? loadCases(beside.text, beside.fileName) : [])];
  return cases.map((one) => runCase(policy, one));
}

/** What came of a case: the worst effect of all refs, the rules that spoke, and what they said. */
interface Outcome {
  readonly effect: Effect;
  readonly rules: readonly string[];
  readonly groups: readonly string[];
  readonly codeowners: boolean;
  readonly said: readonly string[];
}

function runCase(policy: LoadedPolicy, one: PolicyCase): CaseResult {
  const got = outcomeOf(policy, one);
  // A warning stops nobody, so that a push that is expected to pass passes with it.
  const effect = one.expect === 'allow' && got.effect === 'warn' ? 'allow' : got.effect;
  const named = one.rule === undefined || got.rules.includes(one.rule);
  const listed = one.rules && [...new Set(one.rules)].sort();
  const exactly = !listed || listed.join() === got.rules.join();
  const asked = [...askedDiff(one, got), ...readDiff(policy, one)];
  const passed = effect === one.expect && named && exactly && asked.length === 0;
  const wanted = listed ?? (one.rule === undefined ? [] : [one.rule]);
  return {
    name: one.name,
    passed,
    detail: `expected ${tell(one.expect, wanted)}, got ${tell(got.effect, got.rules)}`,
    diff: passed ? [] : [...asked, ...diffOf(one, wanted, listed !== undefined, got)],
  };
}

/** Where the case names who is asked, and others are. */
function askedDiff({ asks }: PolicyCase, got: Outcome): readonly string[] {
  const groups = asks?.groups && [...new Set(asks.groups)].sort();
  const codeowners = asks?.codeowners;
  return [
    ...(groups === undefined || groups.join() === got.groups.join()
      ? []
      : [
          `- asks groups: ${groups.join(', ') || 'none'}`,
          `+ asks groups: ${got.groups.join(', ') || 'none'}`,
        ]),
    ...(codeowners === undefined || codeowners === got.codeowners
      ? []
      : [`- asks codeowners: ${codeowners}`, `+ asks codeowners: ${got.codeowners}`]),
  ];
}

/** Where the case says how it is read, and it is read in another way. */
function readDiff(policy: LoadedPolicy, one: PolicyCase): readonly string[] {
  if (one.read === undefined) return [];
  const read = policy.readMode(principalOf(one), one.repo);
  return read === one.read ? [] : [`- read: ${one.read}`, `+ read: ${read}`];
}

function tell(effect: Effect, rules: readonly string[]): string {
  return rules.length === 0 ? effect : `${effect} by ${rules.join(', ')}`;
}

function diffOf(
  one: PolicyCase,
  wanted: readonly string[],
  exactly: boolean,
  got: Outcome,
): readonly string[] {
  const effect = one.expect === got.effect ? [] : [`- expect: ${one.expect}`, `+ expect: ${got.effect}`];
  const missing = wanted.filter((rule) => !got.rules.includes(rule)).map((rule) => `- rule: ${rule}`);
  const unwanted = got.rules
    .filter((rule) => !wanted.includes(rule))
    .map((rule) => `${exactly ? '+' : ' '} rule: ${rule}`);
  return [
    ...effect,
    ...missing,
    ...unwanted,
    ...got.said.flatMap((text) => text.split('\n')).map((line) => `  ${line}`),
  ];
}

function outcomeOf(policy: LoadedPolicy, one: PolicyCase): Outcome {
  const principal = principalOf(one);
  if (!one.updates) {
    const granted = policy.may(principal, one.repo, one.may ?? 'read');
    return { effect: granted ? 'allow' : 'deny', rules: [], groups: [], codeowners: false, said: [] };
  }
  const { refs } = policy.judge(principal, one.repo, describedPush(one, principal));
  const spoken = refs.flatMap(({ reasons, warnings }) => [...reasons, ...(warnings ?? [])]);
  const asks = refs.flatMap((ref) => ref.asks ?? []);
  return {
    effect: worstOf(refs),
    rules: [...new Set(spoken.map((reason) => reason.rule))].sort(),
    groups: [...new Set(asks.flatMap((ask) => ask.groups))].sort(),
    codeowners: asks.some((ask) => ask.codeowners),
    said: [...new Set(spoken.map((reason) => reason.text))],
  };
}

function worstOf(refs: readonly RefVerdict[]): Effect {
  if (refs.some((ref) => ref.effect === 'deny')) return 'deny';
  if (refs.some((ref) => ref.effect === 'ask')) return 'ask';
  return refs.some((ref) => ref.warnings) ? 'warn' : 'allow';
}

function principalOf(one: PolicyCase): Principal {
  const { who } = one;
  return {
    user: who?.user ?? one.user ?? '',
    kind: who?.kind ?? 'person',
    groups: who?.groups ?? [],
    ...(who?.emails ? { emails: who.emails } : {}),
    credential: { type: 'token', id: 'policy-test' },
  };
}
