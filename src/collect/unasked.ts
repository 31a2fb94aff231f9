/** Segments that nobody asked for: lone ACKs that meet a bare RST, and answers to questions that were never put. */
import type { Reflected, StrayAcks, Unasked } from '../model/unasked.ts';
import { Side } from '../model/state.ts';
import { type ConnId, frameNo, nanos, NANOS_PER_SECOND } from '../model/units.ts';
import { Core, Half, HALF_STRIDE, pairOf, Trait } from '../track/layout.ts';
import { lastTimeOf } from '../track/sequel.ts';
import type { Receiver } from '../track/unasked.ts';
import type { Census } from './census.ts';
import { strayOf } from './probes.ts';

const OPENED = Trait.SAW_SYN | Trait.COMPLETED;
const BOTH_SYNS = Trait.SAW_SYN | Trait.SAW_SYN_ACK;

/** Lone ACKs by the address and port that they are for. Sources that hold other connections to it are left out. */
export function strayAcks(census: Census, strays: readonly ConnId[]): StrayAcks[] {
  const { tables } = census.tracker;
  const groups = new Map<number, ConnId[]>();
  for (const id of strays) {
    // Only the roles that the ports suggest: an ACK flood is aimed at a service.
    if (strayOf(census, id) !== Side.CLIENT) continue;
    const service = census.serviceIndex(id);
    const list = groups.get(service);
    if (list) list.push(id);
    else groups.set(service, [id]);
  }
  const out: StrayAcks[] = [];
  for (const [index, all] of groups) {
    const service = census.services[index]!;
    const real = new Set<number>();
    if (service.total > all.length) {
      const stray = new Set<ConnId>(all);
      for (const id of service.all()) if (!stray.has(id)) real.add(census.clientAddress(id));
    }
    const ids = all.filter((id) => !real.has(census.clientAddress(id)));
    if (ids.length === 0) continue;
    const starts = Float64Array.from(ids, (id) => tables.firstTimes.of(id)).sort();
    out.push({
      service,
      ids,
      sources: new Set(ids.map((id) => census.clientAddress(id))).size,
      leftOut: all.length - ids.length,
      peakWithin: (seconds) => peak(starts, seconds * NANOS_PER_SECOND),
      first: nanos(starts[0] ?? 0),
      last: nanos(starts.at(-1) ?? 0),
    });
  }
  return out;
}

/** The most starts within a span. */
function peak(starts: Float64Array, span: number): number {
  let most = 0;
  for (let i = 0, k = 0; i < starts.length; i++) {
    while (starts[k]! < starts[i]! - span) k++;
    most = Math.max(most, i - k + 1);
  }
  return most;
}

/** Servers whose answers must reach one address, unasked, for a reflection: one or a few may be a route that the capture does not see. */
const REFLECTING_SERVERS = 10;

export interface UnaskedGroups {
  readonly unasked: readonly Unasked[];
  readonly reflected: readonly Reflected[];
}

/** SYN-ACKs to SYNs that the capture does not hold. */
interface LoneAnswers {
  readonly ids: ConnId[];
  readonly others: Set<number>;
  refused: number;
}
const noAnswers = (): LoneAnswers => ({ ids: [], others: new Set(), refused: 0 });

/** One or many servers? Answers of many to one address are reflected there; those of one service to many are backscatter of a flood. */
export function unaskedAnswers(census: Census): UnaskedGroups {
  const { tables } = census.tracker;
  const lone: { readonly id: ConnId; readonly refused: boolean }[] = [];
  for (const id of census.answersOnly) {
    const refused = census.legs.isFollower(id) ? null : answersAlone(census, id);
    if (refused !== null) lone.push({ id, refused });
  }
  const receivers = new Map<number, LoneAnswers>();
  for (const { id, refused } of lone) note(receivers, receiverOf(census, id), id, census.serverAddress(id), refused);
  const datagrams = new Map(tables.unasked.receivers.map((r) => [receiverKey(r.address, r.ipv6), r]));
  const reflected: Reflected[] = [];
  const reflecting = new Set<number>();
  for (const receiver of new Set([...receivers.keys(), ...datagrams.keys()])) {
    const it = reflectedAt(census, datagrams.get(receiver), receivers.get(receiver) ?? noAnswers());
    if (it === null) continue;
    reflected.push(it);
    reflecting.add(receiver);
  }
  return {
    unasked: byService(
      census,
      lone.filter(({ id }) => !reflecting.has(receiverOf(census, id))),
    ),
    reflected,
  };
}

function note(groups: Map<number, LoneAnswers>, key: number, id: ConnId, other: number, refused: boolean): void {
  let group = groups.get(key);
  if (group === undefined) groups.set(key, (group = noAnswers()));
  group.ids.push(id);
  group.others.add(other);
  if (refused) group.refused++;
}

/** An address and its family in one number. */
const receiverKey = (address: number, ipv6: boolean): number => (ipv6 ? 2 ** 32 : 0) + (address >>> 0);
const receiverOf = (census: Census, id: number): number => receiverKey(census.clientAddress(id), isIpv6(census, id));
const isIpv6 = ({ tracker: { tables } }: Census, id: number): boolean =>
  (tables.cores.page(id)[tables.cores.offset(id) + Core.META]! & 1) !== 0;

/** What one address got unasked; null: of too few servers, or it asks most of what it is answered. */
function reflectedAt(census: Census, datagrams: Receiver | undefined, { ids, others, refused }: LoneAnswers): Reflected | null {
  const { tables } = census.tracker;
  const senders = new Set([...others, ...(datagrams?.senders ?? [])]);
  if (senders.size < REFLECTING_SERVERS || (datagrams?.asked ?? 0) > (datagrams?.answers ?? 0) / 10) return null;
  const ipv6 = datagrams?.ipv6 ?? isIpv6(census, ids[0]!);
  const address = datagrams?.address ?? census.clientAddress(ids[0]!);
  const starts = ids.map((id) => census.connection(id).start);
  return {
    receiver: tables.addresses.text(address, ipv6),
    answers: datagrams?.answers ?? 0,
    bytes: datagrams?.bytes ?? 0,
    kinds: [...(datagrams?.kinds ?? [])].map(([port, count]) => ({ port, count })).sort((a, b) => b.count - a.count),
    synAcks: ids,
    senders: senders.size,
    refused: (datagrams?.refused ?? 0) + refused,
    heard: tables.unasked.hasAsked(address, ipv6) || isConnected(census, address, ipv6),
    first: nanos(starts.reduce((t, s) => Math.min(t, s), datagrams?.first ?? Infinity)),
    last: nanos(starts.reduce((t, s) => Math.max(t, s), datagrams?.last ?? 0)),
    peakPerSecond: datagrams?.peakPerSecond ?? 0,
    examples: (datagrams?.examples ?? []).map((e) => ({
      frame: frameNo(e.frame),
      time: nanos(e.time),
      sender: tables.addresses.text(e.sender, ipv6),
      port: e.port,
    })),
  };
}

/** Did a connection of the address come about in the capture, as client or as server? */
function isConnected(census: Census, address: number, ipv6: boolean): boolean {
  const { cores } = census.tracker.tables;
  for (let id = 0; id < census.tracker.connections; id++) {
    if ((cores.page(id)[cores.offset(id) + Core.STATE]! & Trait.COMPLETED) === 0 || isIpv6(census, id) !== ipv6) continue;
    if (census.clientAddress(id) === address || census.serverAddress(id) === address) return true;
  }
  return false;
}

function byService(census: Census, lone: readonly { readonly id: ConnId; readonly refused: boolean }[]): Unasked[] {
  if (lone.length === 0) return [];
  const { cores } = census.tracker.tables;
  const { connections } = census.tracker;
  const groups = new Map<number, LoneAnswers>();
  const receivers = new Set<number>();
  for (const { id, refused } of lone) {
    note(groups, census.serviceIndex(id), id, census.clientAddress(id), refused);
    receivers.add(census.clientAddress(id));
  }
  const asking = new Set<number>();
  for (let id = 0; id < connections; id++) {
    if ((cores.page(id)[cores.offset(id) + Core.STATE]! & BOTH_SYNS) !== BOTH_SYNS) continue;
    if (receivers.has(census.clientAddress(id))) asking.add(census.clientAddress(id));
  }
  return [...groups].map(([service, group]) => ({
    service: census.services[service]!,
    ids: group.ids,
    refused: group.refused,
    receivers: group.others.size,
    askingReceivers: [...group.others].filter((address) => asking.has(address)).length,
  }));
}

/** Nothing but SYN-ACKs from the server, and nothing (false) or RSTs (true) from the client; null: anything else. */
function answersAlone(census: Census, id: number): boolean | null {
  const { cores, pairs } = census.tracker.tables;
  const ref = pairOf(cores.page(id), cores.offset(id));
  if (ref === 0) return null;
  const pair = pairs.page(ref - 1);
  const client = pairs.offset(ref - 1);
  const server = client + HALF_STRIDE;
  if (pair[server + Half.PACKETS] !== pair[server + Half.SYN_ACK] || pair[client + Half.PACKETS] !== pair[client + Half.RST]) return null;
  return pair[client + Half.RST]! > 0;
}

/**
 * Connections of a service that were opened and then held in silence for at least `seconds`: no octet from the client, no close.
 * @param mute those of its connections whose client says nothing
 */
export function heldInSilence(census: Census, service: number, mute: readonly ConnId[], seconds: number): ConnId[] {
  const { cores, firstTimes, pairs } = census.tracker.tables;
  const held = mute.filter((id) => {
    const ref = pairOf(cores.page(id), cores.offset(id));
    const pair = pairs.page(ref - 1);
    const client = pairs.offset(ref - 1);
    const closed = pair[client + Half.FIN]! + pair[client + Half.RST]! > 0;
    const until = closed ? lastTimeOf(census.tracker.tables, id) : census.end;
    return until - firstTimes.of(id) >= seconds * NANOS_PER_SECOND;
  });
  if (held.length === 0) return held;
  const holders = new Set(held.map((id) => census.clientAddress(id)));
  for (const id of census.membersOf(service))
    if (holders.has(census.clientAddress(id)) && speaks(census, id)) holders.delete(census.clientAddress(id));
  return held.filter((id) => holders.has(census.clientAddress(id)));
}

function speaks(census: Census, id: number): boolean {
  const { cores, pairs } = census.tracker.tables;
  const core = cores.page(id);
  const c = cores.offset(id);
  const ref = pairOf(core, c);
  return ref > 0 && clientSpeaks(core[c + Core.STATE]!, pairs.page(ref - 1), pairs.floatPage(ref - 1), pairs.offset(ref - 1)) === true;
}

/** Did the client of an opened connection send data, and read what it got? Null where the capture does not hold the opening. */
export function clientSpeaks(word: number, pair: Int32Array, doubles: Float64Array, client: number): boolean | null {
  if ((word & OPENED) !== OPENED) return null;
  const stopped = pair[client + Half.ZERO_WINDOWS]! > 0 && (pair[client + Half.WINDOW_TTL]! & 0xffff) === 0;
  return doubles[(client + Half.PAYLOAD) >> 1]! > 0 && !stopped;
}
