/** The states of RFC 9293 §3.3.2, in the order in which a connection meets them. */
export const State = {
  CLOSED: 0,
  LISTEN: 1,
  SYN_SENT: 2,
  SYN_RCVD: 3,
  ESTABLISHED: 4,
  FIN_WAIT_1: 5,
  FIN_WAIT_2: 6,
  CLOSE_WAIT: 7,
  CLOSING: 8,
  LAST_ACK: 9,
  TIME_WAIT: 10,
} as const;
export type State = (typeof State)[keyof typeof State];

/** contract.md's spelling, which is the RFC's with underscores; index = State. */
export const STATE_NAMES = [
  'CLOSED',
  'LISTEN',
  'SYN_SENT',
  'SYN_RCVD',
  'ESTABLISHED',
  'FIN_WAIT_1',
  'FIN_WAIT_2',
  'CLOSE_WAIT',
  'CLOSING',
  'LAST_ACK',
  'TIME_WAIT',
] as const;
export type StateName = (typeof STATE_NAMES)[number];

/** How `ss` spells them (iproute2, misc/ss.c sstate_name); index = State. */
export const SS_NAMES = [
  'UNCONN',
  'LISTEN',
  'SYN-SENT',
  'SYN-RECV',
  'ESTAB',
  'FIN-WAIT-1',
  'FIN-WAIT-2',
  'CLOSE-WAIT',
  'CLOSING',
  'LAST-ACK',
  'TIME-WAIT',
] as const;

export const stateName = (s: State): StateName => STATE_NAMES[s];

/** The two ends of a connection. `client` opened it (or is guessed to have; see `rolesFrom`). */
export const Side = { CLIENT: 0, SERVER: 1 } as const;
export type Side = (typeof Side)[keyof typeof Side];
export const SIDE_NAMES = ['client', 'server'] as const;
export type SideName = (typeof SIDE_NAMES)[number];
export const otherSide = (side: Side): Side => (side === Side.CLIENT ? Side.SERVER : Side.CLIENT);
