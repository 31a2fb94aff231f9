/** Kernel timers that no packet shows. One profile is assumed for all hosts; `--profile` chooses it. Durations in seconds. */

export interface Profile {
  readonly name: string;
  readonly about: string;
  /** TIME_WAIT. */
  readonly timeWait: number;
  /** Orphaned FIN_WAIT_2; 0: never ends by itself. */
  readonly finWait2: number;
  /** An orphan whose FIN is never acknowledged and whose retries were not captured (FIN_WAIT_1, CLOSING, LAST_ACK). */
  readonly orphan: number;
  /** First interval between SYNs and between SYN-ACKs; it doubles. */
  readonly initialRto: number;
}

export const PROFILES: readonly Profile[] = [
  {
    name: 'linux',
    about: 'Linux 3.1 and newer with default sysctls',
    timeWait: 60, // include/net/tcp.h TCP_TIMEWAIT_LEN; not a sysctl
    finWait2: 60, // net.ipv4.tcp_fin_timeout
    orphan: 102, // tcp_orphan_retries 0 means 8: 102.2 s at the minimal RTO of 200 ms (net/ipv4/tcp_timer.c)
    initialRto: 1, // TCP_TIMEOUT_INIT
  },
  {
    name: 'rfc',
    about: 'the numbers of RFC 9293 and RFC 6298',
    timeWait: 240, // 2 MSL with MSL = 2 min, RFC 9293 §3.4.2
    finWait2: 0,
    orphan: 100, // R2 of RFC 1122 §4.2.3.5
    initialRto: 1, // RFC 6298 §2.1
  },
];

export const DEFAULT_PROFILE: Profile = PROFILES[0]!;
