import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isSensitive } from '../../../src/inspect/review/sensitive.ts';

const marked = [
  '.github/workflows/ci.yml',
  '.GitHub/Workflows/CI.yml',
  '.github/actions/setup/action.yml',
  'CODEOWNERS',
  'docs/CODEOWNERS',
  '.github/CODEOWNERS',
  'sub/.gitattributes',
  '.gitmodules',
  '.lfsconfig',
  'packages/web/.npmrc',
  '.yarnrc.yml',
  'package.json',
  'Dockerfile',
  'images/Dockerfile.dev',
  'docker-compose.prod.yml',
  'Makefile',
  'infra/main.tf',
  'Jenkinsfile',
  '.gitlab-ci.yml',
  '.circleci/config.yml',
  'tools/.husky/pre-commit',
  '.git\u200battributes',
  '.github/work\u00adflows/x.yml',
  '\uff0enpmrc',
];

const plain = [
  'src/main.ts',
  'README.md',
  'src/CODEOWNERS',
  'my.github/workflows/ci.yml',
  'docs/dockerfiles.md',
  'terraform.md',
  'package.json.md',
  'a/codeowners/b',
];

for (const path of marked)
  test(`${JSON.stringify(path)} is marked as sensitive`, () => assert.equal(isSensitive(path), true));

for (const path of plain)
  test(`${JSON.stringify(path)} is not marked as sensitive`, () => assert.equal(isSensitive(path), false));
