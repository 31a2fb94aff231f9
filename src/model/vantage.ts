/** Where a capture was taken, as far as its packets show it, and what shows it. */
import type { ConnectionView } from './connection.ts';

/** Which way a frame went at the capturing machine. The first three values are those of pcapng's epb_flags. */
export const Direction = {
  UNKNOWN: 0,
  INBOUND: 1,
  OUTBOUND: 2,
  /** Neither from nor to this machine: seen in promiscuous mode. */ PASSING: 3,
} as const;
export type Direction = (typeof Direction)[keyof typeof Direction];

/**
 * client: at the host that opened the connections · server: at the host that accepted them · both: at a host that did both ·
 * forwarding: on a machine that passed them on, both legs seen · between: on the way, near neither end · unknown: nothing
 * decides it.
 */
export type VantageKind = 'client' | 'server' | 'both' | 'between' | 'forwarding' | 'unknown';

export interface VantageHost {
  readonly ip: string;
  /** In the connections looked at. */
  readonly role: 'client' | 'server' | 'both';
}

/** `direction`: the link layer told · `checksums`: not yet filled in · `padding`: short frames not yet padded · the rest as named. */
export type VantageClue = 'direction' | 'checksums' | 'padding' | 'round-trip' | 'ttl' | 'segment-size';

export interface VantageEvidence {
  readonly clue: VantageClue;
  /** With counts. */
  readonly text: string;
}

export interface Vantage {
  readonly kind: VantageKind;
  /** high: the capturing machine left its mark on the packets · medium: round-trip times, which a tap beside the host shares · null: unknown. */
  readonly confidence: 'high' | 'medium' | null;
  /** Hosts at which the capture was made; more than one where a machine has several addresses. At most 20. */
  readonly hosts: readonly VantageHost[];
  /** Half the median round trip between the capture point and the clients, the servers; seconds, null when no handshake tells. */
  readonly clientDelaySeconds: number | null;
  readonly serverDelaySeconds: number | null;
  readonly evidence: readonly VantageEvidence[];
}

/** One way between the capture point and [client, server], seconds; null unknown. */
export type Delays = readonly [number | null, number | null];

/** What rules see of it. */
export interface VantageView extends Vantage {
  /** Was the capture made at this host, so that all it sent and received is seen? null: unknown. */
  at(ip: string): boolean | null;
  /** From the connection's own handshake, or from those of its hosts where it has none or an odd one. */
  delays(connection: ConnectionView): Delays;
}

export const UNKNOWN_VANTAGE: VantageView = {
  kind: 'unknown',
  confidence: null,
  hosts: [],
  clientDelaySeconds: null,
  serverDelaySeconds: null,
  evidence: [],
  at: () => null,
  delays: () => [null, null],
};

/** Its facts alone, as a report has them. */
export const vantageFacts = ({ kind, confidence, hosts, clientDelaySeconds, serverDelaySeconds, evidence }: VantageView): Vantage => {
  return { kind, confidence, hosts, clientDelaySeconds, serverDelaySeconds, evidence };
};
