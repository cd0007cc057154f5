import ssh2 from 'ssh2';

/** The name and the point of RFC 8709, each behind four bytes of length. */
const blobLength = 4 + 'ssh-ed25519'.length + 4 + 32;

/** A new Ed25519 pair: `private` in OpenSSH's format (PROTOCOL.key), not encrypted, and `public`, one line of a .pub file. */
export function newKeyPair(comment: string, generate = generateEd25519): ReturnType<typeof generateEd25519> {
  for (;;) {
    const pair = generate(comment);
    const blob = Buffer.from(pair.public.split(' ')[1] ?? '', 'base64');
    // ssh2 drops zero bytes at the beginning of a public key: one pair in 256 comes out as none.
    if (blob.length === blobLength) return pair;
  }
}

function generateEd25519(comment: string): { readonly private: string; readonly public: string } {
  return ssh2.utils.generateKeyPairSync('ed25519', { comment });
}
