/**
 * A packet filter against a flood, made from what its SYNs have in common and real clients' SYNs have not, and measured on
 * the same capture: how much of the attack it drops, and how many connections of real clients with it.
 */
import { prefixText } from '../model/address.ts';
import type { DeadAttempts, SynTally } from '../model/capture-view.ts';

/** More values than this in one rule is a list, not a signature. */
const MAX_VALUES = 8;
/** A filter that lets more than this share of the attack through is not worth its risk. */
const WORTH = 0.5;

export interface FloodFilter {
  /** What it matches, for a sentence: `SYNs of 40 octets`. */
  readonly text: string;
  readonly nft: string;
  readonly tcpdump: string;
  /** Of the attack's attempts, dropped. */
  readonly share: number;
  /** Connections of real clients that it would have hit. */
  readonly realHit: number;
}

/** SYNs this short carry hardly an option: no kernel of a real client sends them (IP length, either family). */
const OPTIONLESS = { 4: 44, 6: 64 } as const;

/**
 * The best filter, or null when the attack has nothing of its own. `ownersAnswer`: the sources are addresses of real hosts,
 * seen at another TTL; then the address is no ground for a filter, and the TTL is one.
 */
export function floodFilter(
  attempts: DeadAttempts,
  victim: { readonly ip: string; readonly port: number },
  ownersAnswer: boolean,
): FloodFilter | null {
  const v6 = victim.ip.includes(':');
  const total = attempts.ids.length;
  const candidates: FloodFilter[] = [];
  const add = (text: string, match: { nft: string; tcpdump: string }, hits: number, realHit: number): void => {
    const family = v6 ? 'ip6' : 'ip';
    const nft = `${family} daddr ${victim.ip} tcp dport ${String(victim.port)} tcp flags & (fin | syn | rst | ack) == syn ${match.nft} drop`;
    // libpcap does not look at TCP behind IPv6 by name: octet 53 is the flags when no extension header stands between.
    const syn = v6 ? 'ip6[53] & 0x17 == 2' : 'tcp[13] & 0x17 == 2';
    const tcpdump = `dst host ${victim.ip} and tcp dst port ${String(victim.port)} and ${syn} and ${match.tcpdump}`;
    candidates.push({ text, nft, tcpdump, share: hits / total, realHit });
  };

  const { topSource, topPrefix } = attempts;
  if (topSource !== null && !ownersAnswer && topSource.count >= WORTH * total) {
    const match = { nft: `${v6 ? 'ip6' : 'ip'} saddr ${topSource.ip}`, tcpdump: `src host ${topSource.ip}` };
    add(
      `SYNs from ${topSource.ip}`,
      match,
      topSource.count,
      attempts.realFrom((ip) => ip === topSource.ip),
    );
  }
  if (topPrefix !== null && !ownersAnswer && topPrefix.count >= WORTH * total && topPrefix.count > (topSource?.count ?? 0)) {
    const match = { nft: `${v6 ? 'ip6' : 'ip'} saddr ${topPrefix.prefix}`, tcpdump: `src net ${topPrefix.prefix}` };
    add(
      `SYNs from ${topPrefix.prefix}`,
      match,
      topPrefix.count,
      attempts.realFrom((ip) => prefixText(ip) === topPrefix.prefix),
    );
  }
  // What real clients lack can only be told where there are some.
  const tested = attempts.real > 0;
  const length = signature(attempts.lengths.filter((t) => t.value > (v6 ? 40 : 0)));
  if (length.values.length > 0 && (tested || length.values.every((n) => n <= OPTIONLESS[v6 ? 6 : 4]))) {
    // The IPv6 header counts what follows its 40 octets.
    const values = length.values.map((n) => (v6 ? n - 40 : n));
    const match = { nft: `${v6 ? 'ip6' : 'ip'} length ${set(values)}`, tcpdump: oneOf(v6 ? 'ip6[4:2]' : 'ip[2:2]', values) };
    add(`SYNs of ${length.values.join(' or ')} octets (IP length)`, match, length.attack, length.real);
  }
  const ttl = signature(attempts.ttls);
  if (ttl.values.length > 0 && (tested || ownersAnswer)) {
    const match = { nft: `${v6 ? 'ip6 hoplimit' : 'ip ttl'} ${set(ttl.values)}`, tcpdump: oneOf(v6 ? 'ip6[7]' : 'ip[8]', ttl.values) };
    add(`SYNs with ${v6 ? 'hop limit' : 'TTL'} ${ttl.values.join(', ')}`, match, ttl.attack, ttl.real);
  }
  const worth = candidates.filter((c) => c.share >= WORTH);
  const harm = (c: FloodFilter): number => (attempts.real === 0 ? 0 : c.realHit / attempts.real);
  return worth.toSorted((a, b) => Math.round(harm(a) * 50) - Math.round(harm(b) * 50) || b.share - a.share)[0] ?? null;
}

/** The values that the attack has and real clients hardly have. */
function signature(tallies: readonly SynTally[]): { values: number[]; attack: number; real: number } {
  const own = tallies.filter((t) => t.attack > 20 * t.real).slice(0, MAX_VALUES);
  const sum = (key: 'attack' | 'real'): number => own.reduce((n, t) => n + t[key], 0);
  return { values: own.map((t) => t.value).sort((a, b) => a - b), attack: sum('attack'), real: sum('real') };
}

const set = (values: readonly number[]): string => (values.length === 1 ? String(values[0]) : `{ ${values.join(', ')} }`);
const oneOf = (field: string, values: readonly number[]): string =>
  values.length === 1 ? `${field} == ${String(values[0])}` : `(${values.map((v) => `${field} == ${String(v)}`).join(' or ')})`;
