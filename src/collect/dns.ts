/** What the capture says of DNS: servers with what they were asked, and connects that waited for a late answer. */
import type { DnsServerView, DnsView, LateLookup } from '../model/dns.ts';
import { sanitise } from '../model/sanitise.ts';
import { type ConnId, connId, frameNo, nanos, NANOS_PER_SECOND } from '../model/units.ts';

import type { DnsServer, Lookup } from '../track/dns.ts';
import type { Census } from './census.ts';

/** A connect that waits for a name is made as soon as the name is there: a process wakes up and calls connect(). */
const RIGHT_AFTER = 0.1 * NANOS_PER_SECOND;

export function dnsView(census: Census): DnsView {
  const { dns, addresses } = census.tracker.tables;
  const text = (address: number, ipv6: boolean): string => addresses.text(address, ipv6);
  const connects = connectsAfter(census, dns.late);
  return {
    queries: dns.queries,
    servers: dns.servers.map((server) => serverView(server, (address) => text(address, server.ipv6))),
    lateLookups: dns.late.map((it): LateLookup => ({
      client: text(it.client, it.ipv6),
      server: text(it.server, it.ipv6),
      tries: it.tries,
      asked: nanos(it.asked),
      askedFrame: frameNo(it.askedFrame),
      answered: nanos(it.answered),
      answeredFrame: frameNo(it.answeredFrame),
      connection: connects.get(it) ?? null,
    })),
  };
}

function serverView(server: DnsServer, text: (address: number) => string): DnsServerView {
  let [top, most] = [0, 0];
  for (const [source, queries] of server.sources) if (queries > most) [top, most] = [source, queries];
  const counts = [...server.sources.values()].sort((a, b) => a - b);
  let zone = { name: '.', queries: 0 };
  for (const it of server.zones.values()) if (it.queries > zone.queries) zone = it;
  return {
    ip: text(server.address),
    queries: server.queries,
    answers: server.answers,
    errors: server.errors,
    sources: server.sources.size,
    topSource: { ip: text(top), queries: most },
    medianQueriesPerSource: counts[counts.length >> 1] ?? 0,
    questions: server.questions.size,
    topZone: { name: sanitise(zone.name), queries: zone.queries },
    peakPerSecond: server.peakPerSecond,
    first: nanos(server.first),
    last: nanos(server.last),
    examples: server.examples.map((it) => ({ frame: frameNo(it.frame), time: nanos(it.time), source: text(it.source) })),
  };
}

/** The first connection that each late lookup's client opened right after the answer. */
function connectsAfter(census: Census, late: readonly Lookup[]): ReadonlyMap<Lookup, ConnId> {
  const found = new Map<Lookup, ConnId>();
  if (late.length === 0) return found;
  const byClient = new Map<number, Lookup[]>();
  for (const it of late) {
    const list = byClient.get(it.client);
    if (list) list.push(it);
    else byClient.set(it.client, [it]);
  }
  const { firstTimes } = census.tracker.tables;
  for (let id = 0; id < census.tracker.connections; id++) {
    const list = byClient.get(census.clientAddress(id));
    if (list === undefined) continue;
    const start = firstTimes.of(id);
    const it = list.find((l) => !found.has(l) && start >= l.answered && start - l.answered <= RIGHT_AFTER);
    if (it !== undefined) found.set(it, connId(id));
  }
  return found;
}
