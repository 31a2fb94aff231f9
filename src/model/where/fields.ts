/**
 * What `--where` can ask about: the fields of a connection's row (model/report.ts) by their names there, each with its type,
 * the words that it may hold, and how it is read from a view, which is cheaper than making the row.
 *
 * A field of both ends has three names: `client.port`, `server.port`, and `port`, which means either end. A test holds the
 * table to the row: same names, same values.
 */
import type { LegView } from '../capture-view.ts';
import type { Clock } from '../clock.ts';
import { type ConnectionView, type EndpointView, OUTCOMES } from '../connection.ts';
import { NAME_ORIGINS, type Names } from '../names.ts';
import { NO_KERNEL, PROFILES } from '../profiles.ts';
import { Side, SS_NAMES, STATE_NAMES, stateName } from '../state.ts';
import { secondsOf, tidySeconds } from '../units.ts';
import type { Delays } from '../vantage.ts';

/** `words`: one of a vocabulary · `tags`: any of several, compared from their beginning · `text`: a part of it, capitals count · `name`: the same, and they do not · `finding`: an id, or a rule's. */
export type FieldType =
  | { readonly kind: 'number' | 'seconds' | 'time' | 'address' | 'yes-no' | 'tags' | 'text' | 'name' | 'finding' }
  | { readonly kind: 'words'; readonly words: readonly string[] };

/** Of a row; null: it has none. `time` is in nanoseconds. */
export type Value = number | string | boolean | readonly string[] | null;

/** What a row holds and a view does not. */
export interface RowFacts {
  readonly clock: Clock;
  delays(c: ConnectionView): Delays;
  leg(c: ConnectionView): LegView | null;
  findings(c: ConnectionView): readonly string[];
  readonly names: Names;
}

export interface Field {
  readonly name: string;
  readonly type: FieldType;
  /** What it holds, for help and completion. */
  readonly text: string;
  /** Of a name that means either end: the client's. */
  readonly read: (c: ConnectionView, facts: RowFacts) => Value;
  /** The same field of the client and of the server, where the name means either. */
  readonly either: readonly [Field, Field] | null;
}

type ReadEnd = (e: EndpointView, c: ConnectionView, facts: RowFacts) => Value;
type EndEntry = readonly [name: string, type: FieldType, text: string, read: ReadEnd];
type Entry = readonly [name: string, type: FieldType, text: string, read: Field['read']];

const NUMBER = { kind: 'number' } as const;
const SECONDS = { kind: 'seconds' } as const;
const TIME = { kind: 'time' } as const;
const YES_NO = { kind: 'yes-no' } as const;
const words = (...list: readonly string[]): FieldType => ({ kind: 'words', words: list });

const tidy = (s: number | null): number | null => (s === null ? null : tidySeconds(s));
/** Only a SYN or SYN-ACK has these. */
const offered = (e: EndpointView, value: Value): Value => (e.syn + e.synAck === 0 ? null : value);
const profiled = (e: EndpointView, value: Value): Value => (e.profileFrom === 'default' ? null : value);

const END_FIELDS: readonly EndEntry[] = [
  ['ip', { kind: 'address' }, 'address or prefix', (e) => e.ip],
  ['port', NUMBER, 'port', (e) => e.port],
  ['state', words(...STATE_NAMES), 'state at the end of observation', (e) => stateName(e.state)],
  ['stateSince', TIME, 'since when', (e) => e.stateSince],
  ['packets', NUMBER, 'segments sent, copies included', (e) => e.packets + e.copies.packets],
  ['ipBytes', NUMBER, 'octets of IP packets sent', (e) => e.ipBytes + e.copies.ipBytes],
  ['payloadBytes', NUMBER, 'octets of payload sent', (e) => e.payloadBytes + e.copies.payloadBytes],
  ['syn', NUMBER, 'SYNs sent', (e) => e.syn + e.copies.syn],
  ['synAck', NUMBER, 'SYN-ACKs sent', (e) => e.synAck + e.copies.synAck],
  ['fin', NUMBER, 'FINs sent', (e) => e.fin + e.copies.fin],
  ['rst', NUMBER, 'RSTs sent', (e) => e.rst + e.copies.rst],
  ['firstSynFrame', NUMBER, 'frame of its first SYN', (e) => e.firstSynFrame],
  ['firstSynAckFrame', NUMBER, 'frame of its first SYN-ACK', (e) => e.firstSynAckFrame],
  ['firstFinFrame', NUMBER, 'frame of its first FIN', (e) => e.firstFinFrame],
  ['firstRstFrame', NUMBER, 'frame of its first RST', (e) => e.firstRstFrame],
  ['retransmissions', NUMBER, 'segments sent again', (e) => e.retransmissions],
  ['outOfOrder', NUMBER, 'segments overtaken on the way', (e) => e.outOfOrder],
  ['missedBytes', NUMBER, 'octets that the capture lacks', (e) => e.missedBytes],
  ['sequenceBytes', NUMBER, 'octets by sequence numbers', (e) => e.sequenceBytes],
  ['endSent', TIME, 'time of its first FIN or RST', (e) => e.endTime],
  ['delaySeconds', SECONDS, 'one way to the capture point', (e, c, facts) => tidy(facts.delays(c)[e.side])],
  ['options.mss', NUMBER, 'MSS that it announced', (e) => offered(e, e.mss)],
  ['options.windowScale', NUMBER, 'window scale that it announced', (e) => offered(e, e.windowScale)],
  ['options.sackPermitted', YES_NO, 'offered SACK', (e) => offered(e, e.sackPermitted)],
  ['options.timestamps', YES_NO, 'offered timestamps', (e) => offered(e, e.timestamps)],
  ['options.fastOpen', YES_NO, 'asked for or used Fast Open', (e) => offered(e, e.fastOpen)],
  ['options.mptcp', YES_NO, 'offered Multipath TCP', (e) => offered(e, e.mptcp)],
  ['profile', words(...PROFILES.map((p) => p.name), NO_KERNEL), 'its kernel', (e) => profiled(e, e.profile)],
  ['profileFrom', words('syn', 'schedule', 'option'), 'what shows its kernel', (e) => profiled(e, e.profileFrom)],
  ['name', { kind: 'name' }, 'a part of what the host is called', (e, _, facts) => facts.names.host(e.ip)?.name ?? null],
  ['nameFrom', words(...NAME_ORIGINS), 'what says so', (e, _, facts) => facts.names.host(e.ip)?.origin ?? null],
];

/** Zeek's conn_state (scripts/base/protocols/conn/main.zeek). */
const CONN_STATES = ['S0', 'S1', 'SF', 'REJ', 'S2', 'S3', 'RSTO', 'RSTR', 'RSTOS0', 'RSTRH', 'SH', 'SHR', 'OTH'];

const WHOLE_FIELDS: readonly Entry[] = [
  ['id', NUMBER, 'id, as connections lists it', (c) => c.id],
  ['encapsulation', { kind: 'tags' }, 'a tag or tunnel: vlan, or vlan:7', (c) => c.encapsulation],
  ['basis', words('handshake', 'midstream', 'one-sided'), 'on what ground the states stand', (c) => c.basis],
  ['rolesFrom', words('handshake', 'port', 'first-seen'), 'how the client is known', (c) => c.rolesFrom],
  ['start', TIME, 'time of its first frame', (c) => c.start],
  ['end', TIME, 'time of its last frame', (c) => c.end],
  ['duration', SECONDS, 'from its first frame to its last', (c) => tidySeconds(Math.max(0, secondsOf(c.end - c.start)))],
  ['firstFrame', NUMBER, 'its first frame', (c) => c.firstFrame],
  ['lastFrame', NUMBER, 'its last frame', (c) => c.lastFrame],
  ['connectSeconds', SECONDS, 'first SYN to the end of the handshake', (c) => tidy(c.connectSeconds)],
  ['handshakeRtt', SECONDS, 'round trip of the handshake', (c) => tidy(c.handshakeRtt)],
  ['clientSideRtt', SECONDS, 'its part between the client and the capture', (c) => tidy(c.clientSideRtt)],
  ['serverSideRtt', SECONDS, 'its part between the capture and the server', (c) => tidy(c.serverSideRtt)],
  ['outcome', words(...OUTCOMES), 'how it went', (c) => c.outcome],
  ['closedBy', words('client', 'server', 'both'), 'who sent the first FIN or RST that counted', (c) => c.closedBy],
  ['connState', words(...CONN_STATES), "Zeek's conn_state", (c) => c.connState],
  ['history', { kind: 'text' }, "a part of Zeek's history, capitals for the client", (c) => c.history],
  ['completeness', NUMBER, "Wireshark's tcp.completeness", (c) => c.completeness],
  ['finding', { kind: 'finding' }, 'a finding that concerns it: its id, or its rule', (c, facts) => facts.findings(c)],
  ['copies', NUMBER, 'segments captured more than once', (c) => (c.copies === 0 ? null : c.copies)],
  ['lastCopy.interfaceIndex', NUMBER, 'interface of the last of them', (c) => c.lastCopy?.interfaceIndex ?? null],
  ['lastCopy.hops', NUMBER, 'routers that the last of them had passed', (c) => c.lastCopy?.hops ?? null],
  ['leg', NUMBER, 'which part of a way through address translators', (c, facts) => facts.leg(c)?.leg ?? null],
  ['sameAs', NUMBER, 'id of the connection that is leg 0', (c, facts) => facts.leg(c)?.sameAs ?? null],
];

function threefold([name, type, text, read]: EndEntry): readonly Field[] {
  const of = (side: Side, owner: string): Field => ({
    name: `${owner}.${name}`,
    type,
    text: `${text}, of the ${owner}`,
    read: (c, facts) => read(side === Side.CLIENT ? c.client : c.server, c, facts),
    either: null,
  });
  const both = [of(Side.CLIENT, 'client'), of(Side.SERVER, 'server')] as const;
  return [{ name, type, text: `${text}, of either end`, read: (c, facts) => both[0].read(c, facts), either: both }, ...both];
}

/** In the order in which a list shows them. */
export const FIELDS: readonly Field[] = [
  ...END_FIELDS.flatMap(threefold),
  ...WHOLE_FIELDS.map(([name, type, text, read]): Field => ({ name, type, text, read, either: null })),
];

const BY_NAME: ReadonlyMap<string, Field> = new Map([
  ...FIELDS.map((f) => [f.name.toLowerCase(), f] as const),
  // The row's own name for the list.
  ['findings', FIELDS.find((f) => f.name === 'finding')!],
]);

/** Capitals or not; undefined: there is none. */
export const fieldNamed = (word: string): Field | undefined => BY_NAME.get(word.toLowerCase());

/** `CLOSE_WAIT`, `close-wait` and `closewait` are one word. */
export const folded = (word: string): string => word.toLowerCase().replace(/[-_]/g, '');

/** What a bare word that is a state means: also as `ss` spells it. */
const STATES: ReadonlyMap<string, string> = new Map([
  ...STATE_NAMES.map((name) => [folded(name), name] as const),
  ...SS_NAMES.flatMap((ss, state) => (ss === 'UNCONN' ? [] : [[folded(ss), STATE_NAMES[state]!] as const])),
]);
export const stateNamed = (word: string): string | undefined => STATES.get(folded(word));

/** A bare word that is a flag: an end sent a segment with it. */
const FLAGS: ReadonlyMap<string, string> = new Map([
  ['syn', 'syn'],
  ['synack', 'synAck'],
  ['fin', 'fin'],
  ['rst', 'rst'],
]);
/** The field that counts the flag's segments. */
export const flagNamed = (word: string): Field | undefined => {
  const name = FLAGS.get(folded(word));
  return name === undefined ? undefined : fieldNamed(name);
};

/** Words that need no field, as people write them. */
export const BARE_WORDS: readonly string[] = [
  ...STATE_NAMES.map((name) => name.toLowerCase().replaceAll('_', '-')),
  ...['syn', 'syn-ack', 'fin', 'rst'],
];

/** How a test of the field goes on. */
export function exampleOf({ type }: Field): string {
  switch (type.kind) {
    case 'number':
      return '>0';
    case 'seconds':
      return '>1';
    case 'time':
      return '>+10';
    case 'address':
      return ':10.0.0.0/8';
    case 'yes-no':
      return ':true';
    case 'words':
      return `:${type.words[0] ?? ''}`;
    case 'tags':
      return ':vlan';
    case 'text':
      return ':R';
    case 'name':
      return ':db';
    case 'finding':
      return ':close-wait-stuck';
  }
}
