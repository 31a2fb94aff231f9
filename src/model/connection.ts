/**
 * What a rule, a report or a screen may see of a connection: objects with the field's names, read from the tracker's
 * columns on demand. Times are `Nanos` from the capture's first record.
 *
 * Every state is inferred at the capture point. `basis` says on what ground; a rule must say what it does when that is
 * not `handshake`.
 */
import type { ProfileFrom } from './profiles.ts';
import type { RoundTrips, SequenceFacts, Silence } from './sequence.ts';
import type { Side, SideName, State } from './state.ts';
import type { TurnsView } from './turns.ts';
import type { ConnId, FrameNo, Nanos } from './units.ts';

/** handshake: a SYN or SYN-ACK was seen · midstream: it began before the capture · one-sided: only one end's segments are in the capture. */
export type Basis = 'handshake' | 'midstream' | 'one-sided';
/** How we know who is the client. */
export type RolesFrom = 'handshake' | 'port' | 'first-seen';
/** contract.md `outcome`. */
export const OUTCOMES = ['ok', 'refused', 'unanswered', 'abandoned', 'half-open', 'reset', 'leaked', 'open', 'unknown'] as const;
export type Outcome = (typeof OUTCOMES)[number];

/** One change of state, with its cause in words. `frame` null: a timer, or what a later segment proved. */
export interface Transition {
  readonly time: Nanos;
  readonly frame: FrameNo | null;
  readonly side: Side;
  readonly from: State;
  readonly to: State;
  readonly cause: string;
  /** The end sent the segment that caused it (-1) and had changed before its frame, or received it (1) and changed after; 0 neither. */
  readonly travel: -1 | 0 | 1;
  /** Rests on a kernel's timer or on an application's habit, not on a segment. */
  readonly assumed: boolean;
}

/** What the segment log keeps beside transitions: the rare segments that rules argue with. */
export const Mark = {
  /** A SYN sent again with the same ISN. */
  SYN_AGAIN: 'syn-again',
  SYN_ACK_AGAIN: 'syn-ack-again',
  FIN_AGAIN: 'fin-again',
  /** A SYN inside a connection that it cannot have opened (RFC 5961 §4). */
  STRAY_SYN: 'stray-syn',
  RST: 'rst',
  /** The end whose RST had been seen went on sending. */
  SENT_AFTER_RST: 'sent-after-rst',
  /** Payload for an end that had already closed for good. */
  DATA_AFTER_CLOSE: 'data-after-close',
  /** The third ACK (or the data that stood in for it) was seen, yet the SYN-ACK came again. */
  HANDSHAKE_ACK_IGNORED: 'handshake-ack-ignored',
  /** An empty ACK that repeats what was known, straight after an unacceptable RST or SYN (RFC 5961) or an OLD_SEGMENT. */
  CHALLENGE_ACK: 'challenge-ack',
  /** An ACK of an older connection of the tuple answers a SYN (TIME_WAIT, LAST_ACK); `detail` as for OLD_TIMESTAMP, 0 without PAWS. */
  OLD_ANSWER: 'old-answer',
  /** An ACK refuses data for its timestamp (PAWS, RFC 7323 §5); `detail`: how much newer the one is that it echoes, units of the sender's clock. */
  OLD_TIMESTAMP: 'old-timestamp',
  /** A segment of the connection before on the tuple, late; `detail`: payload octets. In no other count but those of packets and octets. */
  OLD_SEGMENT: 'old-segment',
  /** An ICMP error quoted this connection; `detail` is type << 8 | code. */
  ICMP_ERROR: 'icmp-error',
  /** The first segment of an end that came in IP fragments; `detail` is their number, or 0 where the first was too small to be accepted (RFC 8200 §4.5). */
  FRAGMENTED: 'fragmented',
  /** Flags that no TCP stack sends together; `detail` is byte 13 of the header. */
  ODD_FLAGS: 'odd-flags',
  /** The ICMP error says that the quoted segment was too large; `detail` is the MTU that it allows (RFC 1191, RFC 8201), 0 where it does not say. */
  PATH_MTU: 'path-mtu',
} as const;
export type Mark = (typeof Mark)[keyof typeof Mark];

export interface MarkEvent {
  readonly mark: Mark;
  readonly time: Nanos;
  readonly frame: FrameNo;
  /** The sender of the segment (of the quoted segment for ICMP_ERROR and PATH_MTU). */
  readonly side: Side;
  /** Mark-specific: payload octets, ICMP type << 8 | code, fragments, octets, or units of a timestamp clock. */
  readonly detail: number;
  /** Of a RST; null for every other mark. */
  readonly rst: RstFacts | null;
}

/** What a RST looked like beside the rest of its sender's segments; the fingerprints are in docs/rules/rst-abort.md. */
export interface RstFacts {
  /** ACK flag: a socket (or a listener refusing) answered; without it, the kernel had no socket for the segment. */
  readonly hasAck: boolean;
  readonly windowZero: boolean;
  /** IPv4 identification 0; Linux answers so when it has no socket. False for IPv6. */
  readonly ipIdZero: boolean;
  /** Carries a timestamp option. */
  readonly hasTimestamp: boolean;
  /** Timestamps were negotiated and this RST has none. */
  readonly lacksNegotiatedTimestamp: boolean;
  /** TTL / hop limit differs from every earlier segment of this sender in the connection. */
  readonly ttlDiffers: boolean;
  readonly ttl: number;
  /** seq is exactly the sender's next. */
  readonly seqExact: boolean;
  /** seq lies in the window of the other end, but is not the next. */
  readonly seqInWindow: boolean;
  /** seq equals the ACK number of the last segment from the other end: the form of an answer without a socket. */
  readonly answersLastSegment: boolean;
  /** We take it that the other end's socket died of it. */
  readonly accepted: boolean;
  /** The sender had sent its FIN before. */
  readonly afterOwnFin: boolean;
  /** The other end's FIN had been sent before. */
  readonly afterPeerFin: boolean;
  /** It answers a SYN: nothing listens, or a firewall rejects. */
  readonly refusesSyn: boolean;
  /** The sender had spoken to the other end in vain before: probes or data without an answer. */
  readonly peerSilent: boolean;
  /** seq lies beyond this sender's previous RST and beyond all that it ever sent: a guess at where its next octet will be. */
  readonly stepped: boolean;
  /** The sender had said nothing for at least a second, and the other end has spoken since. */
  readonly afterSilence: boolean;
}

export interface EndpointView {
  readonly side: Side;
  readonly role: SideName;
  readonly ip: string;
  readonly port: number;
  /** `10.0.0.1:80`, `[2001:db8::1]:443` */
  readonly name: string;
  /** At the end of observation. */
  readonly state: State;
  readonly stateSince: Nanos;

  readonly packets: number;
  /** IP packet lengths, headers included. */
  readonly ipBytes: number;
  /** TCP payload, retransmissions included. */
  readonly payloadBytes: number;
  /** Segments of this end that were captured again, left out of every other count. */
  readonly copies: Readonly<Record<'packets' | 'ipBytes' | 'payloadBytes' | 'syn' | 'synAck' | 'fin' | 'rst', number>>;
  readonly syn: number;
  readonly synAck: number;
  readonly fin: number;
  readonly rst: number;
  readonly firstSynFrame: FrameNo | null;
  readonly firstSynAckFrame: FrameNo | null;
  readonly firstFinFrame: FrameNo | null;
  readonly firstRstFrame: FrameNo | null;
  /** Segments whose octets had been sent before, SYNs included; `sequence` tells the kinds. Probes of a closed window are none. */
  readonly retransmissions: number;
  /** Segments that a later one overtook on the way here. */
  readonly outOfOrder: number;
  /** Octets that this end sent and the other end acknowledged, and that the capture does not hold: it dropped them, not the path. */
  readonly missedBytes: number;
  /** Payload by sequence numbers: what was sent again counts once, what only an ACK proves counts too. Null: no SYN says where it began. */
  readonly sequenceBytes: number | null;
  /** Octets in holes that nobody filled or acknowledged: lost before the capture point, or still under way when it ended. */
  readonly holeBytes: number;
  /** More of this end may have passed than the capture holds: gaps, open holes, or an ACK of more than was seen, after which it says nothing. */
  readonly mayLackOctets: boolean;
  /** How loss was repaired, what this end reported as receiver, closed windows, probes. */
  readonly sequence: SequenceFacts;
  /** Of this end's data; null when no segment could be measured. */
  readonly rtt: RoundTrips | null;
  /** Most payload octets (and FIN) sent and not yet acknowledged; 0 when nothing was or no ACK was seen. */
  readonly maxInFlight: number;
  /** Payload octets of the largest segment. More than `mss` of the other end: captured where segments are not cut yet, or joined again (offload). */
  readonly largestPayload: number;

  /** Time of the first FIN; null when none. */
  readonly finTime: Nanos | null;
  /** Time of its first FIN or RST; null when it sent neither. */
  readonly endTime: Nanos | null;
  /** Time and frame at which the other end acknowledged that FIN; null when it never did. */
  readonly finAckedTime: Nanos | null;
  readonly finAckedFrame: FrameNo | null;
  /** Last segment with payload sent by this end; null when none. */
  readonly lastDataTime: Nanos | null;
  readonly lastDataFrame: FrameNo | null;
  /** Where this end last began to speak: the first segment with payload after one of the other end; null when it never did. */
  readonly lastTurnFrame: FrameNo | null;
  /** Last segment of any kind. */
  readonly lastTime: Nanos | null;
  /** Payload sent after the other end's FIN was seen: a half-closed connection in use. */
  readonly payloadAfterPeerFin: number;
  /** Time spent in CLOSE_WAIT; null when never. `until` null: still. */
  readonly closeWait: { readonly since: Nanos; readonly frame: FrameNo; readonly until: Nanos | null } | null;

  /** From the SYN or SYN-ACK; null where the option was absent or not captured. */
  readonly mss: number | null;
  readonly windowScale: number | null;
  readonly sackPermitted: boolean;
  readonly timestamps: boolean;
  readonly fastOpen: boolean;
  /** Its Fast Open option carried a cookie: shown by the client, granted by the server. */
  readonly fastOpenCookie: boolean;
  /** Its SYN carried payload; its SYN-ACK acknowledged the payload of the SYN. */
  readonly synData: boolean;
  readonly mptcp: boolean;
  /** TTL or hop limit of the first segment. */
  readonly ttl: number;
  /** Name in model/profiles.ts of the kernel whose timers were used, or NO_KERNEL: a tool made its SYN. */
  readonly profile: string;
  readonly profileFrom: ProfileFrom;
  /** Payload began like TLS (a handshake record). */
  readonly tls: boolean;
  /** First octet of the last payload (TLS: record type); -1 when not captured. */
  readonly lastPayloadType: number;
  readonly lastPayloadLength: number;
  /** Segments that advertised a zero window (no SYN, FIN or RST). */
  readonly zeroWindows: number;
}

/** Where a copy of a segment was captured. */
export interface CopySight {
  /** Index of the interface on the capturing host; null where the capture does not say. */
  readonly interfaceIndex: number | null;
  /** Routers between the sender's first segment and this copy, from the TTLs. */
  readonly hops: number;
}

export interface ConnectionView {
  readonly id: ConnId;
  readonly client: EndpointView;
  readonly server: EndpointView;
  /** [client, server] */
  readonly ends: readonly [EndpointView, EndpointView];
  /** Of the first frame, outermost first: `vlan:7`. Part of the identity; the other direction, and copies, may have another. */
  readonly encapsulation: readonly string[];
  readonly basis: Basis;
  readonly rolesFrom: RolesFrom;
  readonly start: Nanos;
  readonly end: Nanos;
  readonly firstFrame: FrameNo;
  readonly lastFrame: FrameNo;
  readonly outcome: Outcome;
  readonly closedBy: SideName | 'both' | null;
  /** First SYN to the end of the handshake, seconds; null when not seen. */
  readonly connectSeconds: number | null;
  readonly handshakeRtt: number | null;
  readonly clientSideRtt: number | null;
  readonly serverSideRtt: number | null;
  /** Silence (no payload either way) before the first FIN or RST, seconds; null when there was none. */
  readonly quietBeforeClose: number | null;
  /** The longest time in which neither end sent anything; null below 1 s. */
  readonly longestIdle: Silence | null;
  /** Requests and answers; null while there was no payload. */
  readonly turns: TurnsView | null;
  /** The client's first words, where they are a TLS handshake: its ClientHello. */
  readonly helloFrame: FrameNo | null;
  /** Both ends reached ESTABLISHED. */
  readonly established: boolean;
  /** Wireshark's tcp.completeness. */
  readonly completeness: number;
  readonly connState: string;
  readonly history: string;
  readonly transitions: readonly Transition[];
  readonly marks: readonly MarkEvent[];
  /** Segments captured more than once are counted once; this is how often one came again. */
  readonly copies: number;
  /** The last of them; null when none came, or only copies of a SYN or SYN-ACK. */
  readonly lastCopy: CopySight | null;
  /** Who sent the first ICMP error about it; null: nobody, or too many connections had one. */
  readonly icmpReporter: string | null;
  /** An earlier connection of the same tuple, if any. */
  readonly previous: ConnId | null;
}
