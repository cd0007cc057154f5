/**
 * Whether a path matches one of the globs, as gitignore(5) reads them: without
 * a slash inside, a glob is about the last name; `**` crosses folders. Letter
 * case does not matter. For the globs of our own rule files only.
 */
export function pathGlobs(globs: readonly string[]): (path: string) => boolean {
  const patterns = globs.map((glob) => new RegExp(`^${source(glob)}$`, 'i'));
  return (path) => patterns.some((pattern) => pattern.test(path));
}

function source(glob: string): string {
  const anchored = glob.replace(/\/$/, '').includes('/');
  const parts = glob.replace(/^\//, '').match(/\*\*\/|\/\*\*$|\*+|\?|[^*?]/g) ?? [];
  const body = parts.map((part) => {
    if (part === '**/') return '(?:.*/)?';
    if (part === '/**') return '/.*';
    if (part.startsWith('*')) return '[^/]*';
    return part === '?' ? '[^/]' : part.replace(/[.+^${}()|[\]\\]/g, '\\$&');
  });
  return (anchored ? '' : '(?:.*/)?') + body.join('');
}
