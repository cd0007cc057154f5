/** A team brings its own rules for secrets: an existing .gitleaks.toml beside Refgate's. */
import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, test } from 'node:test';
import { stringify } from 'yaml';
import { startBastion } from '../support/bastion.ts';
import { type GitRun, git, tempDir } from '../support/git.ts';
import { makeRepo } from '../support/repos.ts';
import { suiteCleanup } from '../support/suite.ts';
import { applyPolicy } from './pushing.ts';

const rules = `
title = "acme"
[[rules]]
id = "acme-deploy"
description = "Acme deploy key"
regex = '''acme_[0-9a-f]{24}'''
keywords = ["acme_"]
[[rules.allowlists]]
paths = ['''^fixtures/''']
`;

const policy = stringify({
  access: [{ who: { user: 'ann' }, repo: '**', may: ['read', 'write'] }],
  rules: [{ name: 'no-secrets', when: { secret: 'any' }, then: 'deny' }],
});

describe('rules of the team', () => {
  const t = suiteCleanup();

  test('refuse what they find, except where they allow it', { timeout: 120_000 }, async () => {
    const dir = tempDir(t, 'custom-rules');
    const file = join(dir, '.gitleaks.toml');
    writeFileSync(file, rules);
    const bastion = await startBastion(t, { config: { secrets: { rules: [file] } } });
    await applyPolicy(bastion, policy);
    const work = join(dir, 'work');
    const bare = bastion.gitDir('web');
    await makeRepo(bare, 'linear', { count: 2 });
    await git(['clone', '--quiet', bare, work]);
    const value = `acme_${'0123456789abcdef'.repeat(2).slice(3, 27)}`;
    const push = async (path: string): Promise<GitRun> => {
      await git(['reset', '--quiet', '--hard', 'origin/main'], { cwd: work });
      mkdirSync(dirname(join(work, path)), { recursive: true });
      writeFileSync(join(work, path), `key: ${value}\n`);
      await git(['add', '.'], { cwd: work });
      await git(['commit', '--quiet', '-m', path], { cwd: work });
      return bastion.run(['push', bastion.url('http', 'path', 'web'), 'HEAD:refs/heads/main'], { cwd: work });
    };
    const refused = await push('deploy.env');
    assert.equal(refused.status, 1);
    assert.match(refused.stderr, /no-secrets: acme-deploy acme_\S*\*\*\*\S* in deploy\.env:1/);
    assert.ok(!refused.stderr.includes(value));
    const allowed = await push('fixtures/deploy.env');
    assert.equal(allowed.status, 0, allowed.stderr);
  });

  test('are named with file and place when they cannot be read', async () => {
    const dir = tempDir(t, 'broken-rules');
    const file = join(dir, 'broken.toml');
    writeFileSync(file, '[[rules]]\nid = "x"\nregex = "(?<=a)b"\n');
    await assert.rejects(
      startBastion(t, { config: { secrets: { rules: [file] } } }),
      /broken\.toml.*x.*look-?behind|look-?around/is,
    );
  });
});
