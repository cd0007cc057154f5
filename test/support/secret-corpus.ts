/**
 * Files with and without secrets, labelled, made from a seed: tokens of the
 * default rules in the places where people leave them, and near misses that must
 * not be taken for one. The words that look like secrets exist at run time only.
 */
import { createHash } from 'node:crypto';
import type { RuleEntry } from '../../src/inspect/secrets/rules/rule-file.ts';
import { expandTemplate } from '../../src/inspect/secrets/rules/template.ts';
import { generate, type Random, seededRandom } from '../../src/inspect/secrets/rules/token-sample.ts';

export interface LabelledFile {
  readonly path: string;
  readonly content: string;
  /** Which context, or which look-alike. */
  readonly kind: string;
  /** The rule whose token it holds, where it begins and ends; absent of a negative file. */
  readonly secret?: { readonly rule: string; readonly start: number; readonly end: number };
}

type Context = (name: string, token: string) => string;

const json = (value: unknown): string => JSON.stringify(value, null, 2);

const contexts: readonly { readonly kind: string; readonly path: string; readonly write: Context }[] = [
  {
    kind: 'env',
    path: '.env',
    write: (name, token) => `PORT=8080\n${name.toUpperCase()}_KEY=${token}\nDEBUG=1\n`,
  },
  { kind: 'json', path: 'config.json', write: (name, token) => json({ port: 8080, [`${name}_key`]: token }) },
  {
    kind: 'yaml',
    path: 'values.yaml',
    write: (name, token) => `app:\n  ${name}_key: "${token}"\n  replicas: 2\n`,
  },
  {
    kind: 'js',
    path: 'client.js',
    write: (name, token) => `const client = open({ ${name}_key: '${token}' });\n`,
  },
  {
    kind: 'python',
    path: 'client.py',
    write: (name, token) => `${name}_key = "${token}"\nopen_client(${name}_key)\n`,
  },
  {
    kind: 'shell',
    path: 'deploy.sh',
    write: (name, token) => `export ${name.toUpperCase()}_KEY="${token}"\n./deploy\n`,
  },
  { kind: 'csv', path: 'keys.csv', write: (name, token) => `service,key,owner\n${name}_key,${token},web\n` },
  {
    kind: 'query',
    path: 'links.txt',
    write: (name, token) => `https://acme.io/?${name}_key=${token}&page=2\n`,
  },
  {
    kind: 'xml',
    path: 'config.xml',
    write: (name, token) => `<app><${name}_key>${token}</${name}_key></app>\n`,
  },
  {
    kind: 'notebook',
    path: 'notes.ipynb',
    write: (name, token) => json({ cells: [{ source: [`${name}_key = "${token}"\n`] }] }),
  },
  {
    kind: 'log',
    path: 'app.log',
    write: (name, token) => `2030-01-02T03:04:05Z INFO using ${name}_key=${token} for main\n`,
  },
  {
    kind: 'dockerfile',
    path: 'Dockerfile',
    write: (name, token) => `FROM node:20\nENV ${name.toUpperCase()}_KEY=${token}\n`,
  },
  {
    kind: 'terraform',
    path: 'main.tf',
    write: (name, token) => `provider "${name}" {\n  ${name}_key = "${token}"\n}\n`,
  },
];

/** For each rule with a token, one file in each context, in the order of the rules. The same seed gives the same files. */
export function* positives(entries: readonly RuleEntry[], seed: number): Generator<LabelledFile> {
  const random = seededRandom(seed);
  for (const entry of entries) {
    if (entry.token === undefined || entry.path !== undefined || entry.partner !== undefined) continue;
    for (const { kind, path, write } of contexts) {
      const token = expandTemplate('{token}', entry, random, undefined);
      if (/["'\\<>&,\s$]/.test(token)) continue;
      const name = entry.keywords?.[0] ?? 'service';
      const content = write(name.replace(/[-_.\s]+$/, ''), token);
      const start = content.indexOf(token);
      yield { path, content, kind, secret: { rule: entry.id, start, end: start + token.length } };
    }
  }
}

type LookAlike = (random: Random) => string;

const hex = (count: number): LookAlike => {
  return (random) => generate(`{hex:${count}}`, random);
};
const oid: LookAlike = (random) => createHash('sha1').update(String(random())).digest('hex');
const integrity: LookAlike = (random) =>
  `sha512-${createHash('sha512').update(String(random())).digest('base64')}`;

const lookAlikes: readonly { readonly kind: string; readonly path: string; readonly write: LookAlike }[] = [
  {
    kind: 'uuid',
    path: 'ids.json',
    write: (random) => json({ id: generate('{hex:8}-{hex:4}-{hex:4}-{hex:4}-{hex:12}', random) }),
  },
  { kind: 'oid', path: 'CHANGELOG.md', write: (random) => `- mend the door (${oid(random)})\n` },
  {
    kind: 'integrity',
    path: 'package-lock.json',
    write: (random) => json({ packages: { 'node_modules/token': { integrity: integrity(random) } } }),
  },
  {
    kind: 'image',
    path: 'page.html',
    write: (random) => `<img src="data:image/png;base64,${generate('{b64:2000}', random)}">\n`,
  },
  {
    kind: 'placeholder',
    path: 'config.yaml',
    write: () => 'api_key: "your-api-key-here"\npassword: changeme\n',
  },
  { kind: 'environment', path: 'index.js', write: () => 'const token = process.env.ACCESS_TOKEN_2;\n' },
  {
    kind: 'template',
    path: 'values.yaml',
    write: () => 'password: {{ .Values.db.password1 }}\ntoken: <%= fetch("API_TOKEN_2") %>\n',
  },
  { kind: 'call', path: 'index.ts', write: () => "const secret = readSecret('main', { version: 2 });\n" },
  {
    kind: 'colour',
    path: 'theme.json',
    write: (random) => json({ 'tokenColour.key': `#${hex(8)(random)}` }),
  },
  { kind: 'short', path: '.env', write: (random) => `VERSION_TAG=ghp_${generate('{an:10}', random)}\n` },
  { kind: 'words', path: 'app.js', write: () => "const tokenName = 'access-token-of-the-user';\n" },
  {
    kind: 'example url',
    path: 'README.md',
    write: () => 'git clone https://user:password@example.com/x.git\n',
  },
  {
    kind: 'checksum',
    path: 'go.sum',
    write: (random) => `acme.io/token v1.2.3 h1:${generate('{b64:43}', random)}=\n`,
  },
  {
    kind: 'public key',
    path: 'authorized_keys',
    write: (random) => `ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI${generate('{b64:43}', random)} web@acme.io\n`,
  },
  {
    kind: 'sealed',
    path: 'sealed.yaml',
    write: (random) => `encryptedData:\n  password: Ag${generate('{b64:300}', random)}\n`,
  },
];

/** So many files that hold no secret, of every kind of look-alike in turn. The same seed gives the same files. */
export function* negatives(count: number, seed: number): Generator<LabelledFile> {
  const random = seededRandom(seed);
  for (let i = 0; i < count; i++) {
    const alike = lookAlikes[i % lookAlikes.length];
    if (alike === undefined) return;
    yield { path: alike.path, content: alike.write(random), kind: alike.kind };
  }
}
