/** A pointer has a few short lines; Git LFS itself looks no further. */
const maxPointerBytes = 1024;

const versions = ['version https://git-lfs.github.com/spec/v1', 'version https://hawser.github.com/spec/v1'];

/** Whether a blob stands for content in Git LFS: docs/spec.md of git-lfs. @param content the whole blob, or its first bytes. */
export function isLfsPointer(content: Buffer): boolean {
  if (content.length > maxPointerBytes || content[0] !== 0x76) return false;
  const text = content.toString('latin1');
  return (
    versions.some((version) => text.startsWith(`${version}\n`)) &&
    /\noid sha256:[0-9a-f]{64}\n/.test(text) &&
    /\nsize \d+(\n|$)/.test(text)
  );
}
