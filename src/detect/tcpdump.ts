/** Parts of tcpdump expressions. libpcap knows the fields of TCP behind IPv4 alone. */

/**
 * Segments with this flag (model/flags.ts) between addresses of the family of `ip`. Octet 53 of IPv6 is the flags, where no
 * extension header stands between.
 */
export const flagSet = (ip: string, flag: number): string => `${ip.includes(':') ? 'ip6[53]' : 'tcp[13]'} & ${String(flag)} != 0`;
