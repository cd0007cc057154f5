/**
 * What the SSH door negotiates. Only curve25519 for the key exchange: finite
 * field groups cost tens of milliseconds of our one thread before anybody is
 * known, and the NIST curves add nothing. ssh2 has no post-quantum exchange.
 */

/** Key exchange methods; ssh2 adds the strict-kex marker itself. */
export const kexAlgorithms = ['curve25519-sha256', 'curve25519-sha256@libssh.org'] as const;

/**
 * In SSH the client's order decides, so the order here is only for reading.
 * CPU seconds of ours for 512 MiB: GCM 0.58, chacha20-poly1305 0.64, ctr 0.79.
 */
export const ciphers = [
  'aes128-gcm@openssh.com',
  'aes256-gcm@openssh.com',
  'chacha20-poly1305@openssh.com',
  'aes256-ctr',
  'aes128-ctr',
] as const;

/** Encrypt-then-MAC only; used with the ctr ciphers. */
export const macs = ['hmac-sha2-256-etm@openssh.com', 'hmac-sha2-512-etm@openssh.com'] as const;

/** Signature algorithms of users, as `server-sig-algs` of RFC 8308 tells them. No SHA-1. */
export const userSignatureAlgorithms = [
  'ssh-ed25519',
  'sk-ssh-ed25519@openssh.com',
  'ecdsa-sha2-nistp256',
  'ecdsa-sha2-nistp384',
  'ecdsa-sha2-nistp521',
  'sk-ecdsa-sha2-nistp256@openssh.com',
  'rsa-sha2-512',
  'rsa-sha2-256',
] as const;
