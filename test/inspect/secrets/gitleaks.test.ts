import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RefgateError } from '../../../src/domain/error.ts';
import { loadGitleaks } from '../../../src/inspect/secrets/gitleaks/load-gitleaks.ts';
import { loadRuleSet } from '../../../src/inspect/secrets/load-rule-set.ts';
import type { SecretMatch } from '../../../src/inspect/secrets/match.ts';
import type { SecretRule } from '../../../src/inspect/secrets/rule.ts';
import { Scanner } from '../../../src/inspect/secrets/scanner.ts';
import { sampleConfig } from './gitleaks-sample.ts';

const loaded = loadGitleaks(sampleConfig, '.gitleaks.toml');

function scan(text: string, rules: readonly SecretRule[] = loaded.rules): readonly SecretMatch[] {
  return new Scanner(rules).scan(Buffer.from(text)).matches;
}

function found(text: string, rules?: readonly SecretRule[]): readonly string[] {
  return scan(text, rules).map(({ rule, value }) => `${rule.id} ${value}`);
}

const body = 'q7w3e9r1t5y2u8i4o6p0a1s2';
const hex = '0f1e2d3c4b5a69788796a5b4c3d2e1f0';
const filler = 'lorem ipsum dolor sit amet\n'.repeat(900);

function rule(id: string, rules: readonly SecretRule[] = loaded.rules): SecretRule {
  const one = rules.find((candidate) => candidate.id === id);
  assert.ok(one, id);
  return one;
}

test('a whole configuration loads, without a warning', () => {
  assert.deepEqual(loaded.warnings, []);
  assert.equal(loaded.usesDefaults, false);
  assert.deepEqual(
    loaded.rules.map(({ id }) => id),
    ['corp-service-token', 'corp-generic', 'corp-pair', 'corp-hex', 'corp-key-file', 'corp-secret-of-id'],
  );
  assert.equal(rule('corp-generic').title, 'Assigned key of Example Corp');
});

test('a rule finds its secret, the first group that is not empty, and nothing around it', () => {
  const text = `${filler}token: "ecst_${body}";\n${filler}`;
  assert.deepEqual(found(text), [`corp-service-token ecst_${body}`]);
  const [match] = scan(text);
  assert.equal(text.slice(match?.start, match?.end), `ecst_${body}`);
  assert.deepEqual(found(`ecst_${'a'.repeat(24)} `), [], 'too little entropy');
  assert.deepEqual(found(`Excorp.Api_key => "${hex}"`), [`corp-generic ${hex}`]);
  assert.deepEqual(found(`excorp=${hex}`), [`corp-generic ${hex}`], 'at the end of the text');
});

test('secretGroup names the group', () => {
  assert.deepEqual(found('olduser=carol oldpass=Tr0ub4dor\n'), ['corp-pair Tr0ub4dor']);
});

test('allow-lists drop by match, by line, by stop word and by targetRules', () => {
  assert.deepEqual(found('olduser=nobody oldpass=Tr0ub4dor\n'), []);
  assert.deepEqual(found(`excorp = "${hex}" # an example\n`), []);
  assert.deepEqual(found(`# an example:\nexcorp = "${hex}"\n`), [`corp-generic ${hex}`]);
  assert.deepEqual(found('ecst_placeholder1234567890abc;'), []);
});

test('allow-lists drop by path and by commit once these are known', () => {
  const generic = rule('corp-generic');
  assert.equal(generic.admitPath?.('src/a.ts', hex), true);
  assert.equal(generic.admitPath?.('vendor/a.ts', hex), false);
  assert.equal(generic.admitPath?.('yarn.lock', hex), false);
  assert.equal(generic.admitPath?.('test/fixtures/a.ts', hex), true, 'AND: the stop word is missing');
  assert.equal(generic.admitPath?.('test/fixtures/a.ts', `0000${hex.slice(4)}`), false);
  assert.equal(rule('corp-pair').admitCommit?.('a'.repeat(40)), false);
  assert.equal(rule('corp-pair').admitCommit?.('b'.repeat(40)), true);
});

test('a rule with a path is for those files, and a rule with nothing else finds the file itself', () => {
  assert.equal(rule('corp-hex').admitPath?.('etc/app.conf', ''), true);
  assert.equal(rule('corp-hex').admitPath?.('etc/app.ts', ''), false);
  assert.equal(rule('corp-key-file').isSecretPath?.('keys/Signing.EXKEY'), true);
  assert.equal(rule('corp-key-file').isSecretPath?.('keys/signing.pub'), false);
  assert.equal(rule('corp-key-file').isSecretPath?.('vendor/signing.exkey'), false);
  assert.deepEqual(found('x', [rule('corp-key-file')]), []);
});

test('a keyword that is no part of the pattern switches the rule on, wherever it stands', () => {
  const key = `${hex}deadbeef`;
  assert.deepEqual(found(`key ${key}\n`), []);
  assert.deepEqual(found(`key ${key}\n${filler}CorpVault\n`), [`corp-hex ${key}`]);
  assert.deepEqual(
    found(`corpvault\n${filler}key ${key}\n${filler}${key.replace('dead', 'beef')}`).length,
    2,
  );
});

test('a required rule must find something within so many lines', () => {
  const secret = 'AbCdEfGhIjKlMnOpQrStUvWxYz0123';
  assert.deepEqual(found(`exsecret: ${secret}\n`), []);
  assert.deepEqual(found(`EXID12345678\n\nexsecret: ${secret}\n`), [`corp-secret-of-id ${secret}`]);
  assert.deepEqual(found(`exsecret: ${secret}\nEXID12345678\n`), [`corp-secret-of-id ${secret}`]);
  assert.deepEqual(found(`EXID12345678\n\n\nexsecret: ${secret}\n`), []);
});

test('extending a file merges its rules: single values are replaced, lists are added', () => {
  const files: Readonly<Record<string, string>> = {
    'base.toml': `[[rules]]\nid = "one"\nregex = "one_[0-9]{8}"\nkeywords = ["one_"]\n[[rules]]\nid = "two"\nregex = "two_[0-9]{8}"\n[[rules]]\nid = "three"\nregex = "three_[0-9]{8}"\n`,
    'loop.toml': '[extend]\npath = "loop.toml"',
  };
  const readFile = (path: string): string => {
    const text = files[path];
    if (text === undefined) throw new Error(`no ${path}`);
    return text;
  };
  const { rules } = loadGitleaks(
    '[extend]\npath = "base.toml"\ndisabledRules = ["two"]\n[[rules]]\nid = "one"\n[[rules.allowlists]]\nstopwords = ["0000"]\n',
    'mine.toml',
    { readFile },
  );
  assert.deepEqual(found('one_12345678 one_00001234 two_12345678 three_12345678', rules), [
    'one one_12345678',
    'three three_12345678',
  ]);
  const load = (text: string): unknown => loadGitleaks(text, 'mine.toml', { readFile });
  refused(() => load('[extend]\npath = "loop.toml"'), /loop.toml: extend: path = "loop.toml" extends itself/);
  refused(() => load('[extend]\npath = "none.toml"'), /cannot be read/);
  refused(() => load('[extend]\nurl = "https://example.com/x.toml"'), /not fetched from the network/);
  refused(() => loadGitleaks('[extend]\npath = "base.toml"', 'mine.toml'), /refused here/);
});

function refused(run: () => unknown, message: RegExp): void {
  assert.throws(run, (error) => {
    assert.ok(error instanceof RefgateError, String(error));
    assert.equal(error.code, 'SECRET_RULES_INVALID');
    assert.equal(error.blame, 'operator');
    assert.match(error.message, message);
    return true;
  });
}

test('a complaint names the file, the rule, the text that is wrong, and what to do', () => {
  const load = (text: string) => (): unknown => loadGitleaks(text, 'mine.toml');
  refused(load('[[rules]\nid = 1'), /mine.toml:1:\d+: /);
  refused(load('[[rules]]\nregex = "a"'), /mine.toml: rule 1 has no id; give it/);
  refused(load('[[rules]]\nid = "x"'), /rule "x" has neither regex nor path; give it/);
  refused(
    load('[[rules]]\nid = "x"\nregex = "(?<=a)b"'),
    /rule "x": regex = "\(\?<=a\)b": RE2 has no look-around/,
  );
  refused(
    load('[[rules]]\nid = "x"\nregex = "a"\nsecretGroup = 1'),
    /secretGroup = 1, but its regex has 0 groups/,
  );
  refused(load('[[rules]]\nid = "x"\nregex = "a"\nentropy = "high"'), /entropy = "high" is not a number/);
  refused(load('[[rules]]\nid = "x"\nregex = "a"\nkeywords = "a"'), /keywords = "a" is not a list of texts/);
  refused(
    load('[[rules]]\nid = "x"\nregex = "a"\n[[rules]]\nid = "x"\nregex = "b"'),
    /two rules have the id "x"/,
  );
  refused(load('[[rules]]\nid = "x"\nregex = "a"\nfilter = "entropy > 3"'), /expression of betterleaks/);
  refused(
    load('[[rules]]\nid = "x"\nregex = "a"\n[[rules.required]]\nid = "y"'),
    /required rule "y" is not in this/,
  );
  refused(load('[[allowlists]]\ndescription = "all"'), /allowlists is empty/);
  refused(load('[[allowlists]]\npaths = ["("]'), /allowlists: paths = "\(": a \( has no \)/);
  refused(load('[[allowlists]]\ncondition = "XOR"\npaths = ["a"]'), /condition = "XOR" is not one of OR/);
});

test('what has no effect is said: unknown keys, validate, lists that cannot be judged at one time', () => {
  const { warnings } = loadGitleaks(
    '[[rules]]\nid = "x"\nregex = "abc"\nkeyword = ["a"]\nvalidate = "http.get()"\n[[rules.allowlists]]\ncondition = "AND"\npaths = ["a"]\ncommits = ["b"]\n',
    'mine.toml',
  );
  assert.equal(warnings.length, 3);
  assert.match(
    warnings.join('\n'),
    /validate is never run[\s\S]*keyword is not known[\s\S]*condition AND over commit and path/,
  );
});

test('default rules and files make one set, and the version is one of all their texts', () => {
  const plain = loadRuleSet({ defaults: true, files: [] });
  assert.match(plain.version, /^[0-9a-f]{12}$/);
  const [first] = plain.rules;
  assert.ok(first);
  const text = `[extend]\nuseDefault = true\ndisabledRules = ["${first.id}"]\n[[rules]]\nid = "mine"\nregex = "mine_[0-9]{8}"\n[[allowlists]]\npaths = ['^vendor/']\n`;
  const both = loadRuleSet({ defaults: true, files: [{ path: 'mine.toml', text }] });
  assert.notEqual(both.version, plain.version);
  assert.equal(both.rules.length, plain.rules.length);
  assert.ok(!both.rules.some(({ id }) => id === first.id));
  assert.equal(both.rules.find(({ id }) => id !== 'mine')?.admitPath?.('vendor/a', 'x'), false);
  const alone = loadRuleSet({ defaults: false, files: [{ path: 'mine.toml', text }] });
  assert.deepEqual(
    alone.rules.map(({ id }) => id),
    ['mine'],
  );
  const replaced = `[[rules]]\nid = "${first.id}"\nregex = "mine_[0-9]{8}"\n`;
  const { rules } = loadRuleSet({ defaults: true, files: [{ path: 'mine.toml', text: replaced }] });
  assert.equal(rules.filter(({ id }) => id === first.id).length, 1);
  assert.equal(rule(first.id, rules).family, 'custom');
});

test('a file of our own format is known by its content', () => {
  const text =
    '[[rule]]\nid = "own"\nfamily = "own"\ntitle = "Own"\ntier = "B"\ntoken = "ownp_{an:20}"\ntrue = ["{token}"]\nfalse = ["ownp_{an:5}"]\n';
  const { rules } = loadRuleSet({ defaults: false, files: [{ path: 'own.toml', text }] });
  assert.deepEqual(
    rules.map(({ id }) => id),
    ['own'],
  );
});
