/** A capture as somebody else may see it: its records without addresses, names and payloads, and what is said of its files and findings. */
import type { CaptureFileFacts } from '../../capture/index.ts';
import { RawRecord } from '../../capture/reader.ts';
import { parsePrefix } from '../../model/address.ts';
import { TcpdiagError } from '../../model/errors.ts';
import type { Finding } from '../../model/finding.ts';
import { AddressMap, ipText } from './addresses.ts';
import { KEY_OCTETS } from './key.ts';
import { Anonymizer } from './frame.ts';

export class Disguise {
  readonly #anonymizer: Anonymizer;
  readonly #record = new RawRecord();

  /** @param key KEY_OCTETS of them */
  constructor(key: Uint8Array) {
    if (key.length !== KEY_OCTETS)
      throw new TcpdiagError(`a key for addresses has ${String(KEY_OCTETS)} octets, not ${String(key.length)}`);
    this.#anonymizer = new Anonymizer(new AddressMap(key));
  }

  /** Frames of which nothing was left, because their link layer is not understood. */
  get blank(): number {
    return this.#anonymizer.blank;
  }

  /** Valid until the next call. */
  of(record: RawRecord): RawRecord {
    const { linkType, bytes, at, capLen, origLen } = record;
    const frame = this.#anonymizer.frame(linkType, bytes, at, capLen, origLen);
    const { buffer, byteOffset, length } = frame;
    return Object.assign(this.#record, record, { bytes: frame, view: new DataView(buffer, byteOffset, length), at: 0 });
  }

  /** The id that a finding has where the addresses are these. */
  idOf({ id, subject: { host, peer, subnet } }: Pick<Finding, 'id' | 'subject'>): string {
    const words = [host, peer, subnet].filter((word) => word !== undefined).sort((a, b) => b.length - a.length);
    const [rule = '', ...rest] = id.split('/');
    // All at once: what one becomes may be what another is.
    const others = new RegExp(words.map((word) => word.replaceAll('.', '\\.')).join('|'), 'g');
    return words.length === 0 ? id : `${rule}/${rest.join('/').replace(others, (word) => this.#address(word))}`;
  }

  /** Of an address or a prefix; `attacker`, `path` and the like stay. */
  #address(word: string): string {
    const prefix = parsePrefix(word);
    if (prefix === null) return word;
    const mapped = this.#anonymizer.map.ip(prefix.octets).slice();
    for (let bit = prefix.bits; bit < mapped.length * 8; bit++) mapped[bit >>> 3] = mapped[bit >>> 3]! & ~(0x80 >>> (bit & 7));
    const length = word.includes('/') ? `/${String(prefix.bits)}` : '';
    return `${ipText(mapped)}${length}`;
  }
}

/** What is said of the inputs, without their names and those that they hold. */
export const withoutNames = (files: readonly CaptureFileFacts[]): CaptureFileFacts[] =>
  files.map((facts, i) => ({
    ...facts,
    path: `capture ${String(i + 1)}`,
    names: [],
    interfaces: facts.interfaces.map((one) => ({ ...one, name: null })),
  }));
