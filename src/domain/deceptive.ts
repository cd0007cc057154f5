/**
 * Characters that move the cursor, hide, or reorder what a person reads, as the inside of a bracket of a Unicode
 * pattern: what is shown of a peer's text is held against one list everywhere.
 */
export const deceptive = '\\p{Cc}\\p{Cf}\\p{Cs}\\p{Zl}\\p{Zp}\\p{Default_Ignorable_Code_Point}';
