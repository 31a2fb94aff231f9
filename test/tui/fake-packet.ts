/** A frame made of real bytes, with the fields that describe them: Ethernet II, IPv4, TCP (RFC 791, RFC 9293). */
import type { PacketDetail, PacketField } from '../../src/engine/protocol.ts';

export interface FakePacket {
  readonly frame: number;
  readonly time: string;
  readonly fromClient: boolean;
  readonly flags: string;
  readonly seq: number;
  readonly ack: number;
  readonly length: number;
  readonly notes: readonly string[];
}

const CLIENT = { ip: [10, 0, 0, 1], port: 54_200, mac: [2, 0, 0, 0, 0, 1] };
const SERVER = { ip: [10, 0, 0, 9], port: 3306, mac: [2, 0, 0, 0, 0, 9] };
const BITS: Readonly<Record<string, number>> = { F: 1, S: 2, R: 4, P: 8, '.': 16 };
const ISN = 3_735_928_559;

export function fakePacket(p: FakePacket): PacketDetail {
  const [from, to] = p.fromClient ? [CLIENT, SERVER] : [SERVER, CLIENT];
  const bytes = new Uint8Array(54 + p.length);
  const view = new DataView(bytes.buffer);
  bytes.set([...to.mac, ...from.mac, 8, 0], 0);
  bytes.set([0x45, 0], 14);
  view.setUint16(16, 40 + p.length);
  view.setUint16(18, 0x1c46);
  bytes.set([0x40, 0, 64, 6, 0x0a, 0xf1, ...from.ip, ...to.ip], 20);
  view.setUint16(34, from.port);
  view.setUint16(36, to.port);
  view.setUint32(38, (ISN + p.seq) >>> 0);
  view.setUint32(42, p.ack);
  const flags = Array.from(p.flags).reduce((sum, letter) => sum | (BITS[letter] ?? 0), 0);
  bytes.set([0x50, flags], 46);
  view.setUint16(48, 501);
  for (let i = 0; i < p.length; i++) bytes[54 + i] = i < 7 ? ('J\n8.0.36'.codePointAt(i) ?? 0) : (i * 37) & 255;
  const field = (name: string, value: string, offset: number, length: number): PacketField => ({ name, value, offset, length });
  const text = (end: typeof CLIENT): string => `${end.ip.join('.')}:${String(end.port)}`;
  return {
    frame: p.frame,
    time: p.time,
    linkType: 'ETHERNET',
    capturedLength: bytes.length,
    originalLength: bytes.length,
    connection: 0,
    layers: [
      {
        name: 'Ethernet II',
        summary: '02:00:00:00:00:01 → 02:00:00:00:00:09',
        offset: 0,
        length: 14,
        fields: [
          field('Destination', '02:00:00:00:00:09', 0, 6),
          field('Source', '02:00:00:00:00:01', 6, 6),
          field('Type', 'IPv4 (0x0800)', 12, 2),
        ],
      },
      {
        name: 'IPv4',
        summary: `${from.ip.join('.')} → ${to.ip.join('.')}`,
        offset: 14,
        length: 20,
        fields: [
          field('Version, header length', '4, 20 bytes', 14, 1),
          field('Total length', String(40 + p.length), 16, 2),
          field('Identification', '0x1c46 (7238)', 18, 2),
          field('Flags', "Don't fragment", 20, 2),
          field('Time to live', '64', 22, 1),
          field('Protocol', 'TCP (6)', 23, 1),
          field('Source', from.ip.join('.'), 26, 4),
          field('Destination', to.ip.join('.'), 30, 4),
        ],
      },
      {
        name: 'TCP',
        summary: `${text(from)} → ${text(to)} [${p.flags}]`,
        offset: 34,
        length: 20,
        fields: [
          field('Source port', String(from.port), 34, 2),
          field('Destination port', String(to.port), 36, 2),
          field('Sequence number', `${String((ISN + p.seq) >>> 0)} (relative ${String(p.seq)})`, 38, 4),
          field('Acknowledgment number', String(p.ack), 42, 4),
          field('Header length', '20 bytes', 46, 1),
          field('Flags', p.flags, 47, 1),
          field('Window', '501 (scaled 64128)', 48, 2),
          field('Checksum', '0x0000', 50, 2),
          field('Urgent pointer', '0', 52, 2),
        ],
      },
      ...(p.length > 0 ? [{ name: 'Payload', summary: `${String(p.length)} bytes`, offset: 54, length: p.length, fields: [] }] : []),
    ],
    bytes,
    notes: p.notes,
  };
}
