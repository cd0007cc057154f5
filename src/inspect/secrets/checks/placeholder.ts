/**
 * What is nobody's secret: values that documentation shows to everybody, and
 * bodies that a person has typed to fill a place.
 */

// In two parts each: the words themselves would be found in this file.
const documented: ReadonlySet<string> = new Set(
  [
    ['AKIA', 'IOSFODNN7EXAMPLE'],
    ['AKIA', 'I44QH8DHBEXAMPLE'],
    ['ASIA', 'IOSFODNN7EXAMPLE'],
    ['wJalrXUtnFEMI/K7MDENG/', 'bPxRfiCYEXAMPLEKEY'],
    ['je7MtGbClwBF/2Zp9Utk/', 'h3yCo8nvbEXAMPLEKEY'],
    ['sk_test_', '4eC39HqLyjWDarjtT1zdp7dc'],
    ['sk_test_', 'BQokikJOvBiI2HlWgH4olfQ2'],
  ].map((parts) => parts.join('')),
);

const fillers =
  /example|xxxx|your[-_ ]?(?:api|secret|access|auth|token|key|own|password|app|client|account|org|private)|your_|insert[-_]?your|placeholder|changeme|change[-_]me|redacted|dummy|sample[-_]?(?:key|token|secret)|<[^>]*>|\$\{|\{\{|\*{4}|\.\.\.|deadbeef|0123456789abcdef|abcdefghijkl|1234567890(?:1234|abcd)/i;

/** Whether a value, without its literal beginning, is one that somebody made up to show where a secret goes. */
export function isPlaceholder(body: string): boolean {
  return documented.has(body) || fillers.test(body) || isRegular(body);
}

/** Whether the whole value is one that documentation publishes. */
export function isDocumented(value: string): boolean {
  return documented.has(value);
}

// Few different characters, or one run that climbs or falls through most of the body.
function isRegular(body: string): boolean {
  if (body.length < 8) return false;
  const different = new Set(body).size;
  if (different <= 2) return true;
  let steps = 0;
  for (let i = 1; i < body.length; i++) {
    const step = body.charCodeAt(i) - body.charCodeAt(i - 1);
    if (Math.abs(step) <= 1) steps++;
  }
  return steps >= (body.length - 1) * 0.8 || isRepeated(body);
}

/** Bytes in hex that climb or fall by one: `000102...`. */
export function isRegularHex(value: string): boolean {
  if (!/^(?:[0-9A-Fa-f]{2}){8,}$/.test(value)) return false;
  return isRegular(Buffer.from(value, 'hex').toString('latin1'));
}

// abcabcabc: a short piece again and again.
function isRepeated(body: string): boolean {
  for (let period = 1; period <= Math.min(10, body.length / 3); period++) {
    if (body.slice(period) === body.slice(0, -period)) return true;
  }
  return false;
}
