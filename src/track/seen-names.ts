/**
 * Names that the capture itself shows for addresses: answers of DNS, the server names that TLS clients ask for, and name resolution blocks of
 * pcapng. Aids to reading, never identity: nothing is decided by them. Bounded; filled for a few messages per host, not per packet.
 */
import { dnsAnswer } from '../decode/application/dns-answer.ts';
import { hostName } from '../decode/application/host-name.ts';
import { KEPT_HEAD, serverName } from '../decode/application/index.ts';
import type { Packet } from '../decode/packet.ts';
import type { Name, NameOrigin } from '../model/names.ts';
import type { AddressBook } from './address-book.ts';
import type { Move } from './move.ts';

type Origin = Exclude<NameOrigin, 'config'>;

/** Addresses with names, by origin. */
const MAX_ADDRESSES = 4_096;
/** An address with more names than this is shared (a proxy, a content network): none of them says which host it is. */
const MOST_NAMES = 3;
/** ClientHellos looked at for one server. */
const MOST_HELLOS = 16;
/** Octets of a DNS message over UDP (RFC 6891: 4,096 at most in practice). */
const LONGEST_MESSAGE = 4_096;
/** IPv6 ids of the address book beside IPv4 addresses. */
const IPV6 = 2 ** 32;
/** The surest first: what a resolver was told, what whoever saved the capture knew, what a client asked for. */
const ORIGINS: readonly Origin[] = ['dns', 'capture', 'sni', 'http'];

/** A TLS ClientHello: for which server (`IPV6` + the address's id, or an IPv4 address), and by what name. */
export interface Hello {
  readonly key: number;
  readonly frame: number;
  readonly name: string | null;
}

export type NamesState = readonly (readonly [origin: Origin, names: Map<string, Set<string>>])[];

export class SeenNames {
  readonly #addresses: AddressBook;
  readonly #names = new Map<Origin, Map<string, Set<string>>>();
  /** By server, both families in one map; in the order seen. */
  readonly #hellos = new Map<number, Hello[]>();

  constructor(addresses: AddressBook) {
    this.#addresses = addresses;
  }

  /** The surest name of an address; where it has several of one origin, the first seen. */
  host(ip: string, allowed: (origin: Origin) => boolean = () => true): Name | null {
    for (const origin of ORIGINS) {
      const names = allowed(origin) ? this.#names.get(origin)?.get(ip) : undefined;
      if (names === undefined || names.size > MOST_NAMES) continue;
      for (const name of names) return { name, origin };
    }
    return null;
  }

  /** @param name may be anything: only names of hosts are kept */
  add(ip: string, text: string, origin: Origin): void {
    const name = hostName(text);
    if (name === null) return;
    let byAddress = this.#names.get(origin);
    if (byAddress === undefined) {
      byAddress = new Map();
      this.#names.set(origin, byAddress);
    }
    const names = byAddress.get(ip);
    if (names !== undefined) {
      if (names.size <= MOST_NAMES) names.add(name);
    } else if (byAddress.size < MAX_ADDRESSES) byAddress.set(ip, new Set([name]));
  }

  /** An answer of DNS over UDP. */
  dns(k: Packet): void {
    const answer = dnsAnswer(octetsOf(k, LONGEST_MESSAGE));
    for (const ip of answer?.addresses ?? []) this.add(ip, answer!.name, 'dns');
  }

  /** A client's first words, which are a TLS handshake. */
  hello(k: Packet, frame: number): void {
    const ipv6 = k.ipVersion === 6;
    const id = ipv6 ? this.#addresses.intern(k.view, k.dstAt) : k.dst;
    const key = ipv6 ? IPV6 + id : id;
    if (this.#isWanted(key)) this.#hear({ key, frame, name: serverName(octetsOf(k, KEPT_HEAD)) });
  }

  /** By origin and address, without what clients asked for. */
  get state(): NamesState {
    return ORIGINS.filter((origin) => origin !== 'sni').map((origin) => [
      origin,
      this.#names.get(origin) ?? new Map<string, Set<string>>(),
    ]);
  }
  restore(state: NamesState): void {
    for (const [origin, names] of state) this.#names.set(origin, names);
  }

  /** Adds those of a capture that follows. */
  join(state: NamesState): void {
    for (const [origin, names] of state) for (const [ip, all] of names) for (const name of all) this.add(ip, name, origin);
  }

  /** What clients asked for, to be shared with other shards. */
  get hellos(): readonly Hello[] {
    return [...this.#hellos.values()].flat();
  }

  /** Takes these hellos, of all shards, in place of its own. */
  become(hellos: readonly Hello[]): void {
    this.#hellos.clear();
    this.#names.delete('sni');
    for (const hello of [...hellos].sort((a, b) => a.frame - b.frame)) if (this.#isWanted(hello.key)) this.#hear(hello);
  }

  #isWanted(server: number): boolean {
    const heard = this.#hellos.get(server);
    return heard === undefined ? this.#hellos.size < MAX_ADDRESSES : heard.length < MOST_HELLOS;
  }

  #hear(hello: Hello): void {
    const { key, name } = hello;
    const heard = this.#hellos.get(key);
    if (heard === undefined) this.#hellos.set(key, [hello]);
    else heard.push(hello);
    const ipv6 = key >= IPV6;
    if (name !== null) this.add(this.#addresses.text(ipv6 ? key - IPV6 : key, ipv6), name, 'sni');
  }
}

export const movedHello = ({ key, frame, name }: Hello, { frames, address }: Move): Hello => ({
  key: key >= IPV6 ? IPV6 + address(key - IPV6, true) : key,
  frame: frame + frames,
  name,
});

const octetsOf = ({ view, payloadAt, payloadLength, end }: Packet, most: number): Uint8Array =>
  new Uint8Array(view.buffer, view.byteOffset + payloadAt, Math.max(0, Math.min(payloadLength, end - payloadAt, most)));
