/** A capture of a real kernel with somebody's words in it, wherever a capture has words. */
import type { Frame } from '../fuzz/captures.ts';
import { join, type Option, pcapngFile, section } from './capture-bytes.ts';

export const encoded = (text: string): Uint8Array => new TextEncoder().encode(text);
const filled = (bytes: Uint8Array): Uint8Array => join(bytes, new Uint8Array(-bytes.length & 3));

/** What a TLS library writes into its key log. */
export const KEY_LOG = 'CLIENT_RANDOM 5f3759df 0123456789abcdef';

/** The capture as pcapng, with the text in every comment, name, journal and custom block that it can have, and with the secrets of TLS. */
export function named(frames: readonly Frame[], text: string): Uint8Array {
  const s = section();
  const says = (code: number): Option => [code, encoded(text).subarray(0, 60_000)];
  const address = Uint8Array.of(10, 0, 0, 9);
  const record = Uint8Array.from([...address, ...encoded(`${text.replaceAll('\0', '')}\0`)].slice(0, 60_000));
  const padding = new Uint8Array(-record.length & 3);
  return pcapngFile([
    s.header([1, 0], [says(1), says(2), says(3), says(4)]),
    s.block(10, s.u32(0x544c534b, KEY_LOG.length), filled(encoded(KEY_LOG))),
    s.block(0x0bad, s.u32(32_473), filled(encoded(text))),
    s.block(9, filled(encoded(`MESSAGE=${text}`))),
    s.interface(frames[0]!.linkType, 262_144, [says(1), says(2), says(3), [9, Uint8Array.of(9)], says(11), says(12), says(15)]),
    s.block(4, s.u16(1, record.length), record, padding, s.u16(0, 0)),
    ...frames.map((f) =>
      s.packet(0, BigInt(f.seconds) * 1_000_000_000n + BigInt(f.nanos), f.bytes, { origLen: f.origLen, list: [says(1)] }),
    ),
    s.statistics(0, [says(1), [5, s.u64(3n)]]),
  ]);
}

/** The same packets with this as what every application sends, as often as it fits. */
export const saying = (frames: readonly Frame[], text: string): Frame[] =>
  frames.map((f) => {
    const payload = payloadAt(f.bytes);
    if (payload < 0 || payload >= f.bytes.length || text === '') return f;
    const words = encoded(text);
    return { ...f, bytes: f.bytes.map((octet, i) => (i < payload ? octet : words[(i - payload) % words.length]!)) };
  });

/** Behind the TCP header, where the link layer is Ethernet, cooked or none and IP is version 4. */
function payloadAt(bytes: Uint8Array): number {
  const ip = [14, 16, 20, 0].find((at) => bytes[at] === 0x45 && bytes[at + 9] === 6);
  return ip === undefined ? -1 : ip + 20 + (bytes[ip + 32]! >>> 4) * 4;
}
