/**
 * What kernels do that no packet shows: how long a state lasts by itself, when a SYN comes again and when nobody waits for
 * its answer any longer, which local ports connect() takes. Durations in seconds.
 *
 * Each end of a connection has a profile: guessed from its SYN (track/fingerprint.ts), or named by `--profile`. Defaults of
 * the kernels only; a sysctl or a registry value changes any of them. docs/profiles.md says what could not be verified.
 */

export interface Profile {
  readonly name: string;
  readonly about: string;
  /** TIME_WAIT. */
  readonly timeWait: number;
  /** Orphaned FIN_WAIT_2; 0: never ends by itself. */
  readonly finWait2: number;
  /** An orphan whose FIN is never acknowledged and whose retries were not captured (FIN_WAIT_1, CLOSING, LAST_ACK). */
  readonly orphan: number;
  /** Data that is never acknowledged, from its first repeat: R2 of RFC 9293 §3.8.3. The socket goes at the first timeout behind it, silently. */
  readonly data: number;
  /** First interval between SYNs and between SYN-ACKs; it doubles. */
  readonly initialRto: 1 | 3;
  readonly syn: SynSchedule;
  /** Local ports that connect() chooses from, both included. */
  readonly ports: readonly [from: number, to: number];
}

/** Repeats of a SYN that nobody answers, and the end of connect(): seconds since the first SYN. */
export interface SynSchedule {
  readonly repeats: readonly number[];
  readonly givesUp: number;
  /** A timer of its own ends connect(), wherever the repeats have come to. */
  readonly hasOwnLimit: boolean;
}

const doubling = (first: number, count: number): readonly number[] => Array.from({ length: count }, (_, i) => first * (2 ** (i + 1) - 1));
/** Each wait doubles, and after the last repeat one more is waited. */
const untilRetriesEnd = (first: number, count: number): SynSchedule => ({
  repeats: doubling(first, count),
  givesUp: first * (2 ** (count + 1) - 1),
  hasOwnLimit: false,
});

/** 1, 1, 1, 1, 1, 2, 4 … s: BSD's tcp_syn_backoff[], which Linux took over with tcp_syn_linear_timeouts = 4 (commit ccce324dabfe). */
const LINEAR = [1, 2, 3, 4, 5, 7, 11, 19, 35, 67];

const LINUX = {
  timeWait: 60, // include/net/tcp.h TCP_TIMEWAIT_LEN; not a sysctl
  finWait2: 60, // net.ipv4.tcp_fin_timeout
  orphan: 102, // tcp_orphan_retries 0 means 8: 102.2 s at the minimal RTO of 200 ms (net/ipv4/tcp_timer.c)
  data: 924.6, // tcp_retries2 15 (Documentation/networking/ip-sysctl.rst)
  initialRto: 1, // TCP_TIMEOUT_INIT; 3 s before 3.1 (commit 9ad7c049f0f7)
  ports: [32_768, 60_999], // net.ipv4.ip_local_port_range
} as const;

const WINDOWS = {
  timeWait: 120, // TcpTimedWaitDelay 0x78 (Windows Server 2003; 240 in Windows 2000)
  finWait2: 120, // two minutes, Microsoft KB 923200 (Windows Server 2003)
  orphan: 19, // TcpMaxDataRetransmissions 5: 18.9 s at the minimal RTO of 300 ms
  data: 18.6, // the same, without the wait before the first
  ports: [49_152, 65_535], // netsh int ipv4 show dynamicport tcp, from Vista on (before: 1025 to 5000)
} as const;

/** First the one that is assumed of a host that nothing is known of. */
export const PROFILES: readonly Profile[] = [
  {
    name: 'linux',
    about: 'Linux 6.5 and newer',
    ...LINUX,
    syn: { repeats: LINEAR, givesUp: 131, hasOwnLimit: false }, // tcp_syn_retries 6 + tcp_syn_linear_timeouts 4
  },
  {
    name: 'linux-3.7',
    about: 'Linux 3.7 to 6.4',
    ...LINUX,
    syn: untilRetriesEnd(1, 6), // tcp_syn_retries 6: 127 s, tcp(7)
  },
  {
    name: 'linux-3.1',
    about: 'Linux 3.1 to 3.6',
    ...LINUX,
    syn: untilRetriesEnd(1, 5), // tcp_syn_retries 5: 63 s
  },
  {
    name: 'linux-2.6',
    about: 'Linux 2.6 to 3.0',
    ...LINUX,
    initialRto: 3,
    syn: untilRetriesEnd(3, 5), // 189 s
  },
  {
    name: 'windows',
    about: 'Windows 10, Server 2016 and newer',
    ...WINDOWS,
    initialRto: 1,
    syn: { repeats: doubling(1, 4), givesUp: 21, hasOwnLimit: true }, // MaxSynRetransmissions 4; 21 s was measured
  },
  {
    name: 'windows-7',
    about: 'Windows 2000 to 8.1, Server 2003 to 2012 R2, or a newer one that waits 3 s',
    ...WINDOWS,
    initialRto: 3, // TcpInitialRTT
    syn: untilRetriesEnd(3, 2), // TcpMaxConnectRetransmissions 2: 21 s
  },
  {
    name: 'freebsd',
    about: 'FreeBSD 9.2 and newer',
    timeWait: 60, // 2 × TCPTV_MSL 30 s (sys/netinet/tcp_timer.h)
    finWait2: 60, // TCPTV_FINWAIT2_TIMEOUT
    orphan: 373, // TCP_MAXRXTSHIFT 12: 13 waits from 230 ms (30 ms + 200 ms slop), each 64 s at most (TCPTV_REXMTMAX)
    data: 373,
    initialRto: 1, // TCPTV_RTOBASE
    syn: { repeats: LINEAR, givesUp: 75, hasOwnLimit: true }, // TCPTV_KEEP_INIT
    ports: [10_000, 65_535], // IPPORT_EPHEMERALFIRST, sys/netinet/in.h
  },
  {
    name: 'macos',
    about: 'macOS and iOS',
    timeWait: 30, // 2 × TCPTV_MSL 15 s (xnu bsd/netinet/tcp_timer.h)
    finWait2: 60, // TCPTV_FINWAIT2
    orphan: 117, // 13 waits from 230 ms by tcp_backoff[], whose factor ends at 64 (bsd/netinet/tcp_timer.c)
    data: 117,
    initialRto: 1, // TCPTV_RTOBASE
    syn: { repeats: LINEAR, givesUp: 75, hasOwnLimit: true }, // TCPTV_KEEP_INIT
    ports: [49_152, 65_535], // net.inet.ip.portrange.first, last
  },
  {
    name: 'rfc',
    about: 'the numbers of RFC 9293 and RFC 6298',
    timeWait: 240, // 2 MSL with MSL = 2 min, RFC 9293 §3.4.2
    finWait2: 0,
    orphan: 100, // R2 of RFC 1122 §4.2.3.5
    data: 100, // the same
    initialRto: 1, // RFC 6298 §2.1
    syn: { repeats: doubling(1, 7), givesUp: 180, hasOwnLimit: true }, // R2 of a SYN: at least 3 min, RFC 9293 §3.8.3
    ports: [49_152, 65_535], // IANA's dynamic ports, RFC 6335 §6
  },
];

export const DEFAULT_PROFILE: Profile = PROFILES[0]!;

/** In place of a profile's name: no kernel sends such a SYN. A tool made it, or a forger. */
export const NO_KERNEL = 'none';

/** The profile of that name; of no kernel, the default's timers. */
export const profileNamed = (name: string): Profile => PROFILES.find((p) => p.name === name) ?? DEFAULT_PROFILE;

/** Timers fire late, never early: 5 % and 30 ms (measured on Linux 6.18: 3 %). The other way only the capture's clock errs. */
const LATE_SHARE = 0.05;
const LATE_SECONDS = 0.03;
const EARLY_SECONDS = 0.01;
/** Kernels that begin with 3 s count in ticks of half a second. */
const TICK_SECONDS = 0.5;

/** Are these the first repeats of the profile's schedule? Seconds since the first SYN. */
export function fitsSchedule({ syn, initialRto }: Profile, repeats: readonly number[]): boolean {
  const early = initialRto === 3 ? TICK_SECONDS : EARLY_SECONDS;
  const isDue = (at: number, due: number): boolean => at >= due - early && at <= due * (1 + LATE_SHARE) + LATE_SECONDS;
  return repeats.length <= syn.repeats.length && repeats.every((at, i) => isDue(at, syn.repeats[i]!));
}

/** A copy this soon is a duplicate of the capture or of the network: no kernel repeats a SYN so fast. Seconds. */
export const EARLIEST_REPEAT = 0.5;

/** On what ground a host has its profile. schedule: its SYN's retries decided between the versions that its SYN left open. */
export type ProfileFrom = 'syn' | 'schedule' | 'option' | 'default';
