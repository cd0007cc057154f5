/**
 * What a value must look like before its place alone makes it a secret. Three
 * levels: it stands for itself (no reference, no filler), it is not a word that
 * every example uses, and it looks generated.
 */
import { isPlaceholder } from '../checks/placeholder.ts';
import { unrest, wordiness } from './wordiness.ts';

const reference =
  /\$\{|\$\(|\{\{|\}\}|<[%$?A-Za-z]|^\$[A-Za-z_]|^%[A-Za-z_]+%|%\(|#\{|@@|__\w+__|^@[A-Za-z]|\.\.\.|…|process\.env|os\.environ|getenv|secrets\.|^(?:env|vault|ssm|op|ref|aws-sm|keyring|file):|^ENC\[|^ENC\(|^\{(?:cipher|noop|vault)\}/i;
const format = /%\d*\.\d*f|%\d*[sdv](?![0-9A-Fa-f])/;
const encrypted =
  /^(?:Ag[A-Za-z0-9+/]{200}|\$ANSIBLE_VAULT|age-encryption|sha(?:1|256|384|512)[-:]|h1:|gAAAAA)/;
const common = new Set(
  `pass passw passwd password passwort pwd pw secret token user username root admin administrator guest test testing tester
  tests foo bar baz qux foobar foobarbaz xxx xxxx abc abcd abcdef example sample demo dummy fake mock none null nil undefined
  true false empty blank string value default changeme changeit change-me letmein hidden masked redacted secret123 postgres
  mysql mongo redis rabbit rabbitmq oracle sa sqlserver mariadb cassandra minio minioadmin elastic neo4j pass123 pass1234
  pass1 password1 password12 password123 password1234 passw0rd p@ssw0rd p@ssword admin123 test123 test1234 user123 root123
  qwerty qwerty123 12345 123456 1234567 12345678 123456789 1234567890 111111 000000 abc123 abcd1234 mypassword mypass
  mysecret mysecretpassword mytoken my-secret my-token my_password my_secret yourpassword yourpass userpass userpassword
  dbpass dbpassword db_password authtoken apikey api_key api-key accesskey secretkey privatekey supersecret topsecret
  keyboardcat keyboard_cat pa55word pa55w0rd correct-horse monkey hunter2 somepassword somesecret thepassword
  anypassword nopassword hello world helloworld swordfish blahblah blah asdf asdfasdf`.split(/\s+/),
);

/** A value that stands for itself: not an environment variable, a template, a filler, or ciphertext. */
export function isLiteral(value: string): boolean {
  return !reference.test(value) && !format.test(value) && !encrypted.test(value) && !isPlaceholder(value);
}

/** A literal that is not one of the words which examples are full of. */
export function isUncommon(value: string): boolean {
  const folded = value.toLowerCase();
  if (common.has(folded) || /^(.)\1*$/.test(folded)) return false;
  return isLiteral(value) && !/password|passwd|secret|s3cr3t|\btoken\b|your|foobar|example/.test(folded);
}

/** A literal that a generator made, as far as its letters tell; at least 8 bytes long. */
export function looksGenerated(value: string): boolean {
  if (value.length < 8 || value.length > 200 || !isLiteral(value)) return false;
  if (/[^\x21-\x7e]/.test(value) || isCode(value) || isDate(value)) return false;
  const folded = value.toLowerCase();
  if (common.has(folded) || /pass(?:word|wd)?|secret|token|test|key\b|foobar|user|admin|hello/.test(folded))
    return false;
  return entropyOf(value) >= Math.min(3, Math.log2(value.length) * 0.8) && readsGenerated(value);
}

/** A literal that a person may have chosen for a password: letters, and digits or signs that no word holds. */
export function looksChosen(value: string): boolean {
  if (value.length < 7 || value.length > 64 || !isUncommon(value) || /[^\x21-\x7e]/.test(value)) return false;
  if (isCode(value) || isDate(value) || !/[A-Za-z]/.test(value)) return false;
  const signs = value.replace(/[A-Za-z0-9_./:-]/g, '').length;
  const digits = value.replace(/\D/g, '').length;
  return (digits > 0 && signs > 0) || (digits > 1 && /[a-z]/.test(value) && /[A-Z]/.test(value));
}

/** Whether the letters and digits alone tell that a generator made it, whatever it means. */
export function readsGenerated(value: string): boolean {
  return isMixedHex(value) || (score(value) >= threshold && !isCode(value));
}

const isMixedHex = (value: string): boolean =>
  value.length >= 16 && /^(?:[0-9a-f]+|[0-9A-F]+)$/.test(value) && /[a-fA-F]/.test(value) && /\d/.test(value);

const threshold = 1;

// Words have pairs of letters that words have, and few changes of kind; digits among letters tell most.
function score(value: string): number {
  const restless = unrest(value);
  const digits = value.replace(/[^0-9]/g, '').length / value.length;
  const mixed = digits > 0 && digits < 0.75 ? 0.6 : -0.3;
  const long = Math.min(0.5, Math.max(0, (value.length - 16) / 40));
  return restless * 2.2 + mixed + long - wordiness(value) * 0.7 - separators(value);
}

// kebab-case, snake_case and dotted names: parts that each are a word or a number.
function separators(value: string): number {
  const parts = value.split(/[-_./:]+/).filter((part) => part !== '');
  if (parts.length < 2) return 0;
  const plain = parts.filter((part) => /^(?:[A-Za-z]?[a-z]+|[A-Z]+|\d{1,4}|v\d+)$/.test(part)).length;
  return (plain / parts.length) * 1.2;
}

// A call, a member, a path, a name of a file, an address, a number.
const code =
  /[(){}[\];,<>\s\\]|^(?:\.{0,2}|~|[A-Za-z]:)\/|:\/\/|^[\d.,+-]+$|^0x[\da-f]{1,16}$|^#[\da-f]{3,8}$|^(?:[A-Za-z_$][\w$]*)(?:(?:\.|::|->)[A-Za-z_$][\w$]*)+$|\.(?:js|ts|json|ya?ml|pem|key|crt|txt|md|html?|png|svg|css|py|go|rb|java|xml|sh)$|&&|\|\||=>|[\w.+-]+@[\w-]+\.[a-z]{2,}|^(?:data|urn|arn|mailto|sha\d+|md5|tel)[:=]/i;
const isCode = (value: string): boolean => code.test(value);

const isDate = (value: string): boolean =>
  /^\d{4}-\d\d-\d\d(?:[T ].*)?$|^v?\d+\.\d+(?:\.\d+)*(?:[-+].*)?$/.test(value);

function entropyOf(text: string): number {
  const counts = new Map<string, number>();
  for (const char of text) counts.set(char, (counts.get(char) ?? 0) + 1);
  let bits = 0;
  for (const count of counts.values()) bits -= (count / text.length) * Math.log2(count / text.length);
  return bits;
}
