/** What the ICMP errors about a TCP segment say, in words. RFC 792, 1812 §5.2.7.1, 4443 §3. */

export interface IcmpMeaning {
  readonly text: string;
  /** host: the destination itself has nothing there · filter: somebody forbids it · route: there is no way · hops: it went round in circles, or a traceroute asked · packet: the header was at fault */
  readonly kind: 'host' | 'filter' | 'route' | 'hops' | 'packet';
}

const V4_UNREACHABLE: Readonly<Record<number, IcmpMeaning>> = {
  0: { text: 'network unreachable', kind: 'route' },
  1: { text: 'host unreachable', kind: 'route' },
  2: { text: 'protocol unreachable', kind: 'host' },
  3: { text: 'port unreachable', kind: 'host' },
  5: { text: 'source route failed', kind: 'route' },
  6: { text: 'destination network unknown', kind: 'route' },
  7: { text: 'destination host unknown', kind: 'route' },
  9: { text: 'network administratively prohibited', kind: 'filter' },
  10: { text: 'host administratively prohibited', kind: 'filter' },
  11: { text: 'network unreachable for this type of service', kind: 'route' },
  12: { text: 'host unreachable for this type of service', kind: 'route' },
  13: { text: 'administratively prohibited', kind: 'filter' },
};

const V6_UNREACHABLE: Readonly<Record<number, IcmpMeaning>> = {
  0: { text: 'no route to destination', kind: 'route' },
  1: { text: 'administratively prohibited', kind: 'filter' },
  2: { text: 'beyond the scope of the source address', kind: 'route' },
  3: { text: 'address unreachable', kind: 'route' },
  4: { text: 'port unreachable', kind: 'host' },
  5: { text: 'source address failed ingress policy', kind: 'filter' },
  6: { text: 'route to destination rejected', kind: 'filter' },
};

/** @param detail type << 8 | code. Null: no error that stops a segment (fragmentation needed and packet too big are path MTU discovery). */
export function icmpMeaning(detail: number, ipv6: boolean): IcmpMeaning | null {
  const type = detail >>> 8;
  const code = detail & 255;
  if (type === (ipv6 ? 1 : 3)) {
    if (!ipv6 && code === 4) return null;
    return (ipv6 ? V6_UNREACHABLE : V4_UNREACHABLE)[code] ?? { text: `unreachable, code ${String(code)}`, kind: 'route' };
  }
  if (type === (ipv6 ? 3 : 11)) return { text: code === 0 ? 'time exceeded in transit' : 'time exceeded in reassembly', kind: 'hops' };
  if (type === (ipv6 ? 4 : 12)) return { text: 'parameter problem', kind: 'packet' };
  return null;
}
