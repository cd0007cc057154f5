import ipaddr from 'ipaddr.js';
import type { Network } from './document.ts';

/**
 * A range of addresses as `10.0.0.0/8`, `2001:db8::/32`, or one address.
 * Undefined when it is none, or when it holds bits beyond its length.
 */
export function parseNetwork(source: string): Network | undefined {
  const [address = '', bits, more] = source.split('/');
  if (more !== undefined || (bits !== undefined && !/^\d{1,3}$/.test(bits))) return undefined;
  const start = parseAddress(address);
  if (!start || address.includes('%')) return undefined;
  const width = start.kind() === 'ipv4' ? 32 : 128;
  const length = bits === undefined ? width : Number(bits);
  if (length > width || hasHostBits(start.toByteArray(), length)) return undefined;
  return {
    source,
    holds(text) {
      const given = parseAddress(text);
      if (!given || given.kind() !== start.kind()) return false;
      return given instanceof ipaddr.IPv4
        ? start instanceof ipaddr.IPv4 && given.match(start, length)
        : start instanceof ipaddr.IPv6 && given.match(start, length);
    },
  };
}

/** An IPv4 address that is written as IPv6 (`::ffff:10.0.0.1`) is the IPv4 address. */
function parseAddress(text: string): ipaddr.IPv4 | ipaddr.IPv6 | undefined {
  const bare = text.replace(/%.*$/, '');
  if (ipaddr.IPv4.isValidFourPartDecimal(bare)) return ipaddr.IPv4.parse(bare);
  if (!bare.includes(':') || !ipaddr.IPv6.isValid(bare)) return undefined;
  const address = ipaddr.IPv6.parse(bare);
  return address.isIPv4MappedAddress() ? address.toIPv4Address() : address;
}

function hasHostBits(bytes: readonly number[], length: number): boolean {
  return bytes.some((byte, at) => {
    const kept = Math.min(8, Math.max(0, length - at * 8));
    return (byte & (0xff >> kept)) !== 0;
  });
}
