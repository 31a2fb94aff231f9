/**
 * Other addresses for addresses: a permutation that keeps prefixes (two addresses that share their first n bits still share exactly n) and
 * that depends on a key alone, so that the same key gives the same addresses in every file.
 *
 * The scheme of Crypto-PAn (Fan, Xu, Ammar, Moon 2004): bit n is flipped by a pseudo-random function, AES-128, of the n bits before it.
 * On the way to a range with a meaning of its own (private, loopback, multicast …) no bit is flipped, so that such a range stays itself and
 * no other address comes into it: what rules conclude from an address being private holds. An address outside that shares
 * its first bits with such a range keeps those.
 */
import { createCipheriv, createHmac } from 'node:crypto';
import { ipv4Text, ipv6Text, parsePrefix } from '../../model/address.ts';
import { KEY_OCTETS } from './key.ts';

/** keep: every address of it stays. inside: the prefix stays, what is behind it is mapped. ipv4: likewise, as the IPv4 address that it is. */
type Meaning = 'keep' | 'inside' | 'ipv4';

/** IANA's registries of special-purpose addresses (RFC 6890), and multicast. The first that fits counts. */
const SPECIAL: readonly (readonly [prefix: string, meaning: Meaning])[] = [
  ['0.0.0.0/8', 'keep'],
  ['10.0.0.0/8', 'inside'],
  ['100.64.0.0/10', 'inside'],
  ['127.0.0.0/8', 'keep'],
  ['169.254.0.0/16', 'inside'],
  ['172.16.0.0/12', 'inside'],
  ['192.0.2.0/24', 'inside'],
  ['192.168.0.0/16', 'inside'],
  ['198.18.0.0/15', 'inside'],
  ['198.51.100.0/24', 'inside'],
  ['203.0.113.0/24', 'inside'],
  ['224.0.0.0/4', 'keep'],
  ['240.0.0.0/4', 'keep'],
  ['::/128', 'keep'],
  ['::1/128', 'keep'],
  ['::ffff:0:0/96', 'ipv4'],
  ['2001::/32', 'inside'],
  ['2001:db8::/32', 'inside'],
  ['fc00::/7', 'inside'],
  ['fe80::/64', 'inside'], // all of them in practice (RFC 4291 §2.5.6)
  ['fe80::/10', 'inside'],
  ['ff00::/8', 'keep'],
];

interface Range {
  readonly octets: Uint8Array;
  readonly bits: number;
  readonly meaning: Meaning;
}

const RANGES: readonly Range[] = SPECIAL.map(([prefix, meaning]) => ({ ...parsePrefix(prefix)!, meaning }));

/** Addresses remembered; a flood has more, and they are made again. */
const REMEMBERED = 1 << 16;
const BLOCK = 16;
/** ff02::1:ff00:0/104 (RFC 4291 §2.7.1): a group whose last 24 bits are those of a unicast address. */
const SOLICITED_NODE = parsePrefix('ff02::1:ff00:0/104')!;

export class AddressMap {
  readonly #cipher;
  readonly #pad: Uint8Array;
  readonly #secret: Uint8Array;
  readonly #ranges: readonly Range[];
  readonly #known = new Map<string, Uint8Array>();

  /** @param key KEY_OCTETS of them. @param ranges what keeps its meaning; tests of the bare scheme have none. */
  constructor(key: Uint8Array, ranges: readonly Range[] = RANGES) {
    this.#cipher = createCipheriv('aes-128-ecb', key.subarray(0, BLOCK), null).setAutoPadding(false);
    this.#pad = this.#cipher.update(key.subarray(BLOCK, KEY_OCTETS));
    this.#secret = key.slice();
    this.#ranges = ranges;
  }

  /** The 4 or 16 octets of an address. The answer is shared: not to be written to. */
  ip(address: Uint8Array): Uint8Array {
    return this.#remembered(address, () => this.#mapIp(address));
  }

  /** Keeps what the two lowest bits of the first octet say (group, locally administered). Groups and the all-zero address stay. */
  mac(address: Uint8Array): Uint8Array {
    return this.#remembered(address, () => this.#mapMac(address));
  }

  /** Other letters for the label of a domain name: as many, and the same for the same. */
  label(label: Uint8Array): Uint8Array {
    const lower = Buffer.from(Buffer.from(label).toString('latin1').toLowerCase(), 'latin1');
    const digest = this.#digest('label', lower);
    return Uint8Array.from(label, (_, i) => LETTERS.charCodeAt(digest[i % digest.length]! % LETTERS.length));
  }

  #remembered(address: Uint8Array, make: () => Uint8Array): Uint8Array {
    const key = Buffer.from(address).toString('latin1');
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    if (this.#known.size >= REMEMBERED) this.#known.clear();
    const made = make();
    this.#known.set(key, made);
    return made;
  }

  #mapIp(address: Uint8Array): Uint8Array {
    const within = this.#ranges.find((range) => range.octets.length === address.length && sharedBits(range.octets, address) >= range.bits);
    if (within?.meaning === 'keep') return this.#withNode(address);
    if (within?.meaning === 'ipv4') return Uint8Array.from([...address.subarray(0, 12), ...this.ip(address.subarray(12))]);
    return this.#permuted(address, within?.bits ?? 0);
  }

  /** The last 24 bits of a solicited-node group say which host is asked for. */
  #withNode(address: Uint8Array): Uint8Array {
    if (address.length !== 16 || sharedBits(SOLICITED_NODE.octets, address) < SOLICITED_NODE.bits) return address.slice();
    return Uint8Array.from([...address.subarray(0, 13), ...this.#node(address.subarray(13))]);
  }

  #node(low: Uint8Array): Uint8Array {
    return this.#digest('node', low).subarray(0, 3);
  }

  #permuted(address: Uint8Array, kept: number): Uint8Array {
    const bits = address.length * 8;
    const blocks = new Uint8Array(bits * BLOCK);
    for (let bit = 0; bit < bits; bit++) {
      const block = blocks.subarray(bit * BLOCK, (bit + 1) * BLOCK);
      block.set(this.#pad);
      for (let i = 0; i * 8 < bit; i++) {
        const mask = (0xff00 >> Math.min(8, bit - i * 8)) & 0xff;
        block[i] = (address[i]! & mask) | (this.#pad[i]! & ~mask & 0xff);
      }
    }
    const random = this.#cipher.update(blocks);
    const fixed = Math.max(kept, this.#ancestors(address));
    const out = address.slice();
    for (let bit = fixed; bit < bits; bit++) {
      const at = bit >>> 3;
      out[at] = out[at]! ^ ((random[bit * BLOCK]! >>> 7) << (7 - (bit & 7)));
    }
    return out;
  }

  /** How many of its first bits choose between a range and what is beside it: those must not be flipped. */
  #ancestors(address: Uint8Array): number {
    let most = 0;
    for (const { octets, bits } of this.#ranges) {
      if (octets.length !== address.length) continue;
      const shared = sharedBits(octets, address);
      if (shared < bits) most = Math.max(most, shared + 1);
    }
    return most;
  }

  #mapMac(address: Uint8Array): Uint8Array {
    const first = address[0]!;
    // 33:33:ff:… is the MAC of a solicited-node group (RFC 2464 §7).
    if (first === 0x33 && address[1] === 0x33 && address[2] === 0xff)
      return Uint8Array.from([0x33, 0x33, 0xff, ...this.#node(address.subarray(3))]);
    if ((first & 1) !== 0 || address.every((octet) => octet === 0)) return address.slice();
    const mapped = Uint8Array.from(this.#digest('mac', address).subarray(0, address.length));
    mapped[0] = (mapped[0]! & ~3) | (first & 3);
    return mapped;
  }

  #digest(use: string, octets: Uint8Array): Uint8Array {
    return createHmac('sha256', this.#secret).update(`${use}\0`).update(octets).digest();
  }
}

const LETTERS = 'abcdefghijklmnopqrstuvwxyz';

function sharedBits(a: Uint8Array, b: Uint8Array): number {
  let i = 0;
  while (i < a.length && a[i] === b[i]) i++;
  return i === a.length ? i * 8 : i * 8 + Math.clz32(a[i]! ^ b[i]!) - 24;
}

export const ipText = (octets: Uint8Array): string =>
  octets.length === 4 ? ipv4Text(new DataView(octets.buffer, octets.byteOffset).getInt32(0)) : ipv6Text(octets);
