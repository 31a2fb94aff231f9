/**
 * Hosts as numbers: IPv4 addresses in their own order, IPv6 addresses above them in order of appearance. A flood has millions of
 * sources, and a map of texts would cost more than the connections themselves.
 */
import { Side } from '../model/state.ts';
import type { Tables } from '../track/tables.ts';
import { Core, Trait } from '../track/layout.ts';

const IPV6_START = 2 ** 32;

export function hostOf({ cores }: Tables, id: number, side: Side): number {
  const core = cores.page(id);
  const c = cores.offset(id);
  const isB = ((core[c + Core.STATE]! & Trait.CLIENT_IS_B) !== 0) === (side === Side.CLIENT);
  const word = core[c + (isB ? Core.ADDR_B : Core.ADDR_A)]! >>> 0;
  return (core[c + Core.META]! & 1) === 0 ? word : IPV6_START + word;
}

export const hostText = ({ addresses }: Tables, host: number): string => addresses.text(host | 0, host >= IPV6_START);

/** Each host once, in order, with how often it stood in the list; the list is sorted on the way. */
export function* distinctHosts(hosts: Float64Array): Generator<{ readonly host: number; readonly count: number }> {
  hosts.sort();
  for (let i = 0; i < hosts.length;) {
    const host = hosts[i]!;
    const first = i;
    while (i < hosts.length && hosts[i] === host) i++;
    yield { host, count: i - first };
  }
}
