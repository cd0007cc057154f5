import { isSensitive } from '../../inspect/review/sensitive.ts';

/**
 * Where the host, or the next person who builds, runs things without being
 * asked: more than what reviewers should look at first, since a secret that is
 * carried there can be printed or sent.
 */
const forms: readonly RegExp[] = [
  /(?:^|\/)\.github\//i,
  /(?:^|\/)\.gitlab\//i,
  /(?:^|\/)hooks\//i,
  /\.(?:sh|bash|zsh|fish|ps1|bat|cmd)$/i,
  /(?:^|\/)(?:configure|gradlew|mvnw|tox\.ini|noxfile\.py|conftest\.py|pyproject\.toml|gruntfile\.js|gulpfile\.js)$/i,
  /(?:^|\/)(?:composer|deno|turbo|nx|lerna)\.json$/i,
];

/** Whether what stands at the path is run, or read as settings, by the host or by a build. */
export function isSensitivePath(path: string): boolean {
  return isSensitive(path) || forms.some((form) => form.test(path));
}
