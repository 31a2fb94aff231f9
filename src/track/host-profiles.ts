/**
 * The words of `--profile`: `windows` for every host, `10.0.0.0/8=windows` for some, both with commas between. What is named
 * is not guessed. Of several prefixes that hold an address the longest counts.
 */
import type { Packet } from '../decode/packet.ts';
import { parsePrefix, type Prefix } from '../model/address.ts';
import { UsageError } from '../model/errors.ts';
import { didYouMean } from '../model/nearest.ts';
import { PROFILES } from '../model/profiles.ts';
import { sanitise } from '../model/sanitise.ts';
import { otherSide, Side } from '../model/state.ts';
import type { Context } from './context.ts';
import { SynOption, Trait } from './layout.ts';

interface Named extends Prefix {
  /** As `profileAt` has it. */
  readonly code: number;
}

export class HostProfiles {
  /** Longest prefix first. */
  readonly #prefixes: readonly Named[];
  /** Of hosts in none of them; 0: guessed. */
  readonly #others: number;

  constructor(prefixes: readonly Named[], others: number) {
    this.#prefixes = [...prefixes].sort((a, b) => b.bits - a.bits);
    this.#others = others;
  }

  get allGuessed(): boolean {
    return this.#others === 0 && this.#prefixes.length === 0;
  }

  /** Writes into the new connection at which `x` stands, at its sender's side, what is named for the two hosts of its first packet. */
  note(k: Packet, x: Context): void {
    const src = this.#codeOf(k, k.srcAt);
    const dst = this.#codeOf(k, k.dstAt);
    if (src > 0) name(x, x.side, src);
    if (dst > 0) name(x, otherSide(x.side), dst);
  }

  /** Of the host whose address is at `at`; 0: guessed. */
  #codeOf(k: Packet, at: number): number {
    const length = k.ipVersion === 6 ? 16 : 4;
    for (const prefix of this.#prefixes) if (prefix.octets.length === length && holds(prefix, k.view, at)) return prefix.code;
    return this.#others;
  }
}

function name(x: Context, side: Side, code: number): void {
  if (side === Side.SERVER) x.needSequel();
  x.setOptions(side, code << SynOption.PROFILE_SHIFT);
  x.set(side === Side.CLIENT ? Trait.CLIENT_NAMED : Trait.SERVER_NAMED);
}

function holds({ octets, bits }: Prefix, view: DataView, at: number): boolean {
  for (let i = 0; i < octets.length; i++) {
    const left = bits - i * 8;
    if (left <= 0) return true;
    if (((octets[i]! ^ view.getUint8(at + i)) & (0xff00 >> Math.min(8, left))) !== 0) return false;
  }
  return true;
}

/** @throws UsageError naming the word that is none */
export function parseHostProfiles(words: string | undefined): HostProfiles {
  const prefixes: Named[] = [];
  let others = 0;
  for (const word of words === undefined ? [] : words.split(',')) {
    const [, where, name = ''] = /^(?:(.*)=)?([^=]*)$/.exec(word) ?? [];
    const code = codeNamed(name);
    if (where === undefined) {
      if (others > 0) throw new UsageError(`--profile names two kernels for every host: ${quoted(words ?? '')}.`);
      others = code;
      continue;
    }
    const prefix = parsePrefix(where);
    if (prefix === null) throw new UsageError(`--profile takes NAME or PREFIX=NAME; ${quoted(where)} is no address and no prefix.`);
    prefixes.push({ ...prefix, code });
  }
  return new HostProfiles(prefixes, others);
}

function codeNamed(name: string): number {
  const code = PROFILES.findIndex((p) => p.name === name) + 1;
  if (code > 0) return code;
  const names = PROFILES.map((p) => p.name);
  throw new UsageError(`there is no kernel profile ${quoted(name)}${didYouMean(name, names) || `; there are ${names.join(', ')}.`}`);
}

const quoted = (word: string): string => `"${sanitise(word, 200)}"`;
