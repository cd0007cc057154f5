/**
 * Files that act on builds, hosts, or the checkouts of other people, so that a
 * reviewer should look at them first. Paths are compared without case, and in
 * one Unicode form without what cannot be seen.
 */

/** Whole paths from the root of the repository; `/` at the end stands for everything below. */
const places: readonly string[] = [
  '.github/workflows/',
  '.github/actions/',
  '.github/codeowners',
  'docs/codeowners',
  'codeowners',
  '.gitlab/codeowners',
  '.github/dependabot.yml',
  '.github/dependabot.yaml',
  '.gitlab/ci/',
  '.circleci/',
  '.buildkite/',
  '.woodpecker/',
  '.forgejo/workflows/',
  '.gitea/workflows/',
  '.tekton/',
];

/** Folders wherever they are. */
const folders: ReadonlySet<string> = new Set(['.devcontainer', '.husky', '.githooks', '.cargo', '.vscode']);

/** File names wherever they are. */
const names: ReadonlySet<string> = new Set([
  // What git and its tools obey.
  '.gitattributes',
  '.gitmodules',
  '.gitconfig',
  '.lfsconfig',
  '.mailmap',
  // Where packages come from, and what runs when they are installed.
  '.npmrc',
  '.pnpmfile.cjs',
  'package.json',
  '.pypirc',
  'pip.conf',
  'setup.py',
  'nuget.config',
  'build.rs',
  'settings.xml',
  // How things are built and shipped.
  'makefile',
  'gnumakefile',
  'jenkinsfile',
  'procfile',
  'vagrantfile',
  'rakefile',
  'justfile',
  '.gitlab-ci.yml',
  '.gitlab-ci.yaml',
  '.travis.yml',
  '.drone.yml',
  '.appveyor.yml',
  'appveyor.yml',
  'azure-pipelines.yml',
  'azure-pipelines.yaml',
  'bitbucket-pipelines.yml',
  'cloudbuild.yaml',
  'cloudbuild.yml',
  'buildspec.yml',
  'action.yml',
  'action.yaml',
  '.pre-commit-config.yaml',
  'lefthook.yml',
  '.envrc',
]);

/** Names by their form. */
const forms: readonly RegExp[] = [
  /^\.yarnrc/,
  /^(?:dockerfile|containerfile)(?:\..*)?$/,
  /\.(?:dockerfile|containerfile)$/,
  /^(?:docker-)?compose(?:\.[^/]*)?\.ya?ml$/,
  /\.(?:tf|tfvars|hcl|mk)$/,
  /\.gradle(?:\.kts)?$/,
];

/** Whether a file acts on builds, hosts or checkouts. @param path with `/`, as a tree gives it. */
export function isSensitive(path: string): boolean {
  const folded = fold(path);
  if (places.some((place) => (place.endsWith('/') ? folded.startsWith(place) : folded === place)))
    return true;
  const parts = folded.split('/');
  const name = parts.pop() ?? '';
  return names.has(name) || forms.some((form) => form.test(name)) || parts.some((part) => folders.has(part));
}

/** What file systems that ignore case, or characters that cannot be seen, would make of it. */
function fold(path: string): string {
  return path
    .normalize('NFKC')
    .replace(/\p{Default_Ignorable_Code_Point}/gu, '')
    .toLowerCase();
}
