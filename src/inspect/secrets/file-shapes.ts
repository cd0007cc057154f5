/** Files of passwords that a rule knows by their path; where there is no path, their content tells. */
export const credentialFiles: Readonly<Record<string, RegExp>> = {
  // git-credential-store(1), and sections and keys of git-config(1).
  'git-credentials-file': /^(?:https?:\/\/\S+|\[[^\]]*\]|[A-Za-z][\w-]* *=.*|[#;].*)$/,
  // PostgreSQL, "The Password File": hostname:port:database:username:password.
  'pgpass-password': /^(?:#.*|[^\s:]+:(?:\d{1,5}|\*):[^\s:]+:[^\s:]+:.+)$/,
};

/** How much of the content is looked at, in bytes. */
const greatestLook = 64 * 1024;

/** Whether at least half of the lines that are not empty have the shape. */
export function isMostly(content: Buffer, shape: RegExp): boolean {
  const lines = content
    .toString('latin1', 0, greatestLook)
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');
  return lines.filter((line) => shape.test(line)).length * 2 >= lines.length;
}
