/** The clues behind a vantage point in words, with their counts. */
import { countText, durationText, plural } from '../model/wording.ts';
import type { VantageEvidence, VantageKind } from '../model/vantage.ts';
import { type HostRecord, isNear, medianOf, type Survey } from './vantage.ts';

/** Hosts whose clues are told; the others are like them. */
const MAX_TOLD = 3;

export function evidenceOf(survey: Survey, kind: VantageKind, hosts: readonly HostRecord[]): VantageEvidence[] {
  const out: VantageEvidence[] = [];
  for (const h of hosts.slice(0, MAX_TOLD)) out.push(...marksOf(h), ...answersOfHost(h), ...ttlOf(h));
  out.push(...ofAll(survey, kind));
  return out;
}

function marksOf(h: HostRecord): VantageEvidence[] {
  const s = h.sighting;
  if (s === undefined) return [];
  const out: VantageEvidence[] = [];
  if (s.sentOut + s.receivedIn > 0) {
    const sent = `${share(s.sentOut, s.sentOut + s.sentIn + s.passing)} sampled segments of ${h.ip} as sent by this machine`;
    const received = `${share(s.receivedIn, s.receivedIn + s.receivedOut)} to it as received`;
    out.push({ clue: 'direction', text: `the link layer marks ${sent}, ${received}` });
  }
  if (h.by === 'checksums') {
    const text = `${share(s.partial, s.bare)} sampled segments of ${h.ip} without payload have the pseudo-header's sum as TCP checksum: captured before its network card filled them in`;
    out.push({ clue: 'checksums', text });
  }
  if (h.by === 'padding') {
    const text = `${plural(s.unpadded, 'short frame')} of ${h.ip} not yet padded to the 60 octets of Ethernet, as those of the other ends are`;
    out.push({ clue: 'padding', text });
  }
  return out;
}

function answersOfHost(h: HostRecord): VantageEvidence[] {
  if (h.near === 0) return [];
  const near = h.own.map((own, i) => ({ own, other: h.others[i]! })).filter(({ own, other }) => isNear(own, other));
  const slowest = durationText(Math.max(...near.map((n) => n.own)));
  const others = durationText(medianOf(near.map((n) => n.other)) ?? 0);
  const text = `${share(h.near, h.own.length)} ${h.own.length === 1 ? 'handshake' : 'handshakes'}: ${h.ip} answered within ${slowest}, the other end took ${others} (median)`;
  return [{ clue: 'round-trip', text }];
}

function ttlOf(h: HostRecord): VantageEvidence[] {
  const peers = [...h.peers];
  const routed = peers.filter((p) => p.routed).length;
  if (routed === 0 || h.initialTtl === 0) return [];
  const text = `${h.ip} sends with an initial TTL; routers have lowered that of ${share(routed, peers.length)} hosts it talks to`;
  return [{ clue: 'ttl', text }];
}

function ofAll(survey: Survey, kind: VantageKind): VantageEvidence[] {
  const out: VantageEvidence[] = [];
  const { total, twoLegs, sampled, routedBothWays, oversized } = survey;
  if (kind === 'forwarding' && twoLegs > 0)
    out.push({
      clue: 'ttl',
      text: `${share(twoLegs, sampled)} connections have every segment twice, with a TTL one apart: both legs of a router`,
    });
  if (kind === 'forwarding' && total.sentIn > 0 && total.sentOut > 0) {
    const text = `the link layer marks segments of the same hosts as received (${countText(total.sentIn)}) and as sent (${countText(total.sentOut)}) by this machine`;
    out.push({ clue: 'direction', text });
  }
  if (kind === 'between' && total.passing > 0)
    out.push({
      clue: 'direction',
      text: `${plural(total.passing, 'sampled segment')} in frames that were neither for nor from this machine`,
    });
  if (kind === 'between' || kind === 'unknown') out.push(...bothAnswers(survey));
  if (kind === 'between' && routedBothWays > 0)
    out.push({ clue: 'ttl', text: `routers have lowered the TTLs of both ends in ${share(routedBothWays, sampled)} connections` });
  if (kind === 'unknown' && total.partial > 0)
    out.push({ clue: 'checksums', text: 'TCP checksums not yet filled in at both ends of connections: both are on one machine' });
  if (oversized !== null) {
    const text = `segments of up to ${countText(oversized.octets)} octets, above the MSS of ${countText(oversized.mss)}: joined by offload, which a host does and no wire`;
    out.push({ clue: 'segment-size', text });
  }
  return out;
}

/** Both sides' answers, where they do not tell one end from the other. */
function bothAnswers({ answers }: Survey): VantageEvidence[] {
  const clients = answers.flatMap((a) => a.client ?? []);
  const servers = answers.flatMap((a) => a.server ?? []);
  if (servers.length === 0) return [];
  const client =
    clients.length === 0 ? 'the clients answered nothing' : `the clients answered after ${durationText(medianOf(clients) ?? 0)}`;
  const text = `${plural(answers.length, 'handshake')}: ${client}, the servers after ${durationText(medianOf(servers) ?? 0)} (median)`;
  return [{ clue: 'round-trip', text }];
}

const share = (n: number, of: number): string => `${countText(n)} of ${countText(of)}`;
