/**
 * The form in which two names look the same to a person, or are the same file
 * on a disk that ignores case: NFKC, case folded, and without characters that
 * are not seen. It is for comparing only, and never goes anywhere.
 */
export function fold(name: string): string {
  if (/^[\x20-\x7e]*$/.test(name)) return name.toLowerCase();
  let text = name;
  // Folding can open a new composition, and the other way round; it settles at once in practice.
  for (let round = 0; round < 4; round++) {
    const folded = text
      .normalize('NFKC')
      .replace(/\p{Default_Ignorable_Code_Point}/gu, '')
      .toUpperCase()
      .toLowerCase()
      .replaceAll('ς', 'σ')
      .normalize('NFKC');
    if (folded === text) break;
    text = folded;
  }
  return text;
}
