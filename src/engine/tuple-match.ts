/**
 * Does a packet belong to one given connection, and which end sent it? For second passes, which look for one connection among
 * millions of packets: ports are compared first, and address texts only until the binary addresses have been learned from them.
 *
 * Frames outside the connection's own are the caller's business: a tuple that is used again is another connection, with other frames.
 * So is a segment of the tuple inside other tags or tunnels, which may be a copy, or the other direction, or another connection: the
 * tracker has decided that.
 */
import type { Encapsulations } from '../decode/index.ts';
import { Layer, type Packet } from '../decode/packet.ts';
import { ipv4Text, ipv6Text } from '../model/address.ts';
import type { ConnectionRow } from '../model/report.ts';
import { Side, otherSide } from '../model/state.ts';

type Tuple = Pick<ConnectionRow, 'client' | 'server' | 'encapsulation'>;

export class TupleMatch {
  readonly #tuple: Tuple;
  readonly #encapsulation: string;
  readonly #encapsulations: Encapsulations;
  #encap = -1;
  /** Binary addresses of client and server, once a packet has shown them. */
  #learned: readonly [Uint8Array, Uint8Array] | null = null;

  constructor(tuple: Tuple, encapsulations: Encapsulations) {
    this.#tuple = tuple;
    this.#encapsulation = tuple.encapsulation.join(' ');
    this.#encapsulations = encapsulations;
  }

  /** Has it the connection's own tags and tunnels? Only of a packet of its tuple. */
  isInside(p: Packet): boolean {
    if (p.encap === this.#encap) return true;
    if (this.#encapsulations.texts(p.encap).join(' ') !== this.#encapsulation) return false;
    this.#encap = p.encap;
    return true;
  }

  /** The sender's side, or null when the packet has another tuple. */
  sender(p: Packet): Side | null {
    if (p.layer !== Layer.TCP) return null;
    const { client, server } = this.#tuple;
    let side: Side;
    if (p.srcPort === client.port && p.dstPort === server.port) side = Side.CLIENT;
    else if (p.srcPort === server.port && p.dstPort === client.port) side = Side.SERVER;
    else return null;
    if (this.#addressesFit(p, side)) return side;
    // Both ends use one port (two peers that open at the same time): the addresses alone tell who is who.
    return client.port === server.port && this.#addressesFit(p, otherSide(side)) ? otherSide(side) : null;
  }

  #addressesFit(p: Packet, side: Side): boolean {
    if (this.#learned) return sameBytes(p, p.srcAt, this.#learned[side]) && sameBytes(p, p.dstAt, this.#learned[otherSide(side)]);
    const { client, server } = this.#tuple;
    const [source, destination] = side === Side.CLIENT ? [client.ip, server.ip] : [server.ip, client.ip];
    if (addressText(p, p.srcAt) !== source || addressText(p, p.dstAt) !== destination) return false;
    const own = addressBytes(p, p.srcAt).slice();
    const other = addressBytes(p, p.dstAt).slice();
    this.#learned = side === Side.CLIENT ? [own, other] : [other, own];
    return true;
  }
}

const addressBytes = (p: Packet, at: number): Uint8Array =>
  new Uint8Array(p.view.buffer, p.view.byteOffset + at, p.ipVersion === 6 ? 16 : 4);

const addressText = (p: Packet, at: number): string => (p.ipVersion === 6 ? ipv6Text(addressBytes(p, at)) : ipv4Text(p.view.getInt32(at)));

function sameBytes(p: Packet, at: number, address: Uint8Array): boolean {
  if (address.length !== (p.ipVersion === 6 ? 16 : 4)) return false;
  for (let i = 0; i < address.length; i++) if (p.view.getUint8(at + i) !== address[i]) return false;
  return true;
}
