/** Text forms of IP addresses and prefixes. Parsing and printing only; interning is the tracker's business. */

export const ipv4Text = (address: number): string =>
  `${String(address >>> 24)}.${String((address >>> 16) & 255)}.${String((address >>> 8) & 255)}.${String(address & 255)}`;

/** RFC 5952: lower case, no leading zeros, the longest run of two or more zero groups (the first of equals) as `::`. */
export function ipv6Text(bytes: Uint8Array, at = 0): string {
  const groups: number[] = [];
  for (let i = 0; i < 16; i += 2) groups.push((bytes[at + i]! << 8) | bytes[at + i + 1]!);
  if (groups.slice(0, 5).every((g) => g === 0) && groups[5] === 0xffff) {
    return `::ffff:${ipv4Text((groups[6]! << 16) | groups[7]!)}`; // §5: IPv4-mapped
  }
  let best = -1;
  let bestLength = 1;
  for (let i = 0; i < 8; i++) {
    let length = 0;
    while (i + length < 8 && groups[i + length] === 0) length++;
    if (length > bestLength) {
      best = i;
      bestLength = length;
    }
    if (length > 0) i += length - 1;
  }
  const hex = (part: number[]): string => part.map((g) => g.toString(16)).join(':');
  return best < 0 ? hex(groups) : `${hex(groups.slice(0, best))}::${hex(groups.slice(best + bestLength))}`;
}

/** `10.0.0.1:80`, `[2001:db8::1]:443`. */
export const endpointText = (ip: string, port: number): string => (ip.includes(':') ? `[${ip}]:${port}` : `${ip}:${port}`);
/** An address inside an id: brackets around IPv6 so that a port can never be mistaken for a group. */
export const hostText = (ip: string): string => (ip.includes(':') ? `[${ip}]` : ip);

/** The /24 (IPv4) or /64 (IPv6) that an address belongs to, as `10.0.0.0/24`. */
export function prefixText(ip: string): string {
  if (!ip.includes(':')) return `${ip.split('.').slice(0, 3).join('.')}.0/24`;
  const bytes = ipv6Octets(ip);
  bytes.fill(0, 8);
  return `${ipv6Text(bytes)}/64`;
}

/** `::ffff:10.0.0.1` (RFC 4291 §2.2, third form) as `::ffff:a00:1`. */
const withoutDots = (ip: string): string =>
  ip.replace(/(\d+)\.(\d+)\.(\d+)\.(\d+)$/, (_, ...parts: string[]) => {
    const [a, b, c, d] = parts.slice(0, 4).map(Number) as [number, number, number, number];
    return `${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}`;
  });

/** Octets of an IPv6 address that is known to be well formed. */
function ipv6Octets(ip: string): Uint8Array {
  const [head = '', tail] = withoutDots(ip).split('::');
  const left = head === '' ? [] : head.split(':');
  const right = tail === undefined || tail === '' ? [] : tail.split(':');
  const groups = tail === undefined ? left : [...left, ...Array<string>(Math.max(0, 8 - left.length - right.length)).fill('0'), ...right];
  const bytes = new Uint8Array(16);
  groups.forEach((text, i) => {
    const g = Number.parseInt(text, 16) || 0;
    bytes[i * 2] = g >> 8;
    bytes[i * 2 + 1] = g & 255;
  });
  return bytes;
}

export interface Prefix {
  /** 4 or 16 octets; those behind `bits` as they were written. */
  readonly octets: Uint8Array;
  readonly bits: number;
}

const IPV4 = /^(25[0-5]|2[0-4]\d|1?\d?\d)(\.(25[0-5]|2[0-4]\d|1?\d?\d)){3}$/;
/** Eight groups, or fewer around one `::`; the last two may be written as an IPv4 address. */
const isIpv6 = (word: string): boolean => {
  if (word.includes('.') && !IPV4.test(word.slice(word.lastIndexOf(':') + 1))) return false;
  const [head = '', tail, ...more] = withoutDots(word).split('::');
  const groups = [head, tail ?? ''].flatMap((half) => (half === '' ? [] : half.split(':')));
  if (more.length > 0 || !groups.every((g) => /^[\da-f]{1,4}$/i.test(g))) return false;
  return tail === undefined ? groups.length === 8 : groups.length < 8;
};

/** `10.0.0.0/8`, `2001:db8::/32`, or an address alone; null when it is neither. */
export function parsePrefix(word: string): Prefix | null {
  const [, ip = '', length] = /^([^/]+)(?:\/(\d{1,3}))?$/.exec(word) ?? [];
  const octets = IPV4.test(ip) ? Uint8Array.from(ip.split('.'), Number) : isIpv6(ip) ? ipv6Octets(ip) : null;
  if (octets === null) return null;
  const bits = length === undefined ? octets.length * 8 : Number(length);
  return bits > octets.length * 8 ? null : { octets, bits };
}

/** Is the address, known to be well formed, in the prefix? */
export function inPrefix(ip: string, { octets, bits }: Prefix): boolean {
  if (ip.includes(':') !== (octets.length === 16)) return false;
  const address = octets.length === 16 ? ipv6Octets(ip) : ip.split('.').map(Number);
  for (let i = 0; i * 8 < bits; i++) {
    const left = bits - i * 8;
    if (((address[i]! ^ octets[i]!) & (0xff00 >> Math.min(8, left))) !== 0) return false;
  }
  return true;
}

export interface Endpoint {
  readonly address: Prefix;
  readonly port: number;
}

/** `10.0.0.1:80`, `[2001:db8::1]:443`; null when it is neither. */
export function parseEndpoint(word: string): Endpoint | null {
  const [, six, four, digits = ''] = /^(?:\[([^\]/]+)\]|([^:/]+)):(\d{1,5})$/.exec(word) ?? [];
  const address = parsePrefix(six ?? four ?? '');
  if (address === null || Number(digits) > 65_535 || (six !== undefined) !== (address.octets.length === 16)) return null;
  return { address, port: Number(digits) };
}
