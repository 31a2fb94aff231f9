/**
 * A large, valid, reproducible capture: short web connections, interleaved as on a busy server, with retransmissions,
 * resets, refusals and leaks in ordinary shares. Classic microsecond pcap, Ethernet, snap length 96.
 */
import { closeSync, openSync, writeSync } from 'node:fs';

export interface Load {
  readonly packets: number;
  readonly connections: number;
  readonly seed: number;
}

const SNAP = 96;
const IN_FLIGHT = 4_096;
const BUFFER = 8 << 20;
const [FIN, SYN, RST, PSH, ACK] = [1, 2, 4, 8, 16] as const;

/** xorshift32: the same capture on every machine. */
function random(seed: number): (below: number) => number {
  let s = seed | 1;
  return (below) => {
    s ^= s << 13;
    s ^= s >>> 17;
    s ^= s << 5;
    return (s >>> 0) % below;
  };
}

/** How a connection ends. */
type Fate = 'closes' | 'resets' | 'stays' | 'leaks' | 'refused';

class Conversation {
  readonly client: number;
  readonly port: number;
  readonly server: number;
  readonly servicePort: number;
  readonly ipv6: boolean;
  readonly fate: Fate;
  clientSeq: number;
  serverSeq: number;
  /** Data segments still to come from the server. */
  segments: number;
  step = 0;

  constructor(n: number, segments: number, next: (below: number) => number) {
    this.client = n % 60_000;
    this.port = 32_768 + ((Math.floor(n / 60_000) * 7 + n) % 28_000);
    this.server = n % 32;
    this.servicePort = [443, 80, 8080, 5432][n % 4]!;
    this.ipv6 = n % 10 === 0;
    this.clientSeq = next(2 ** 31) * 2;
    this.serverSeq = next(2 ** 31) * 2;
    this.segments = segments;
    const luck = next(100);
    this.fate = luck < 90 ? 'closes' : luck < 94 ? 'resets' : luck < 96 ? 'stays' : luck < 98 ? 'leaks' : 'refused';
  }
}

/** Writes the capture; returns its number of packets and connections. */
export function generate(path: string, load: Load): { packets: number; connections: number } {
  const next = random(load.seed);
  const out = new Writer(path);
  const perConnection = load.packets / load.connections;
  let made = 0;
  const live: Conversation[] = [];
  const open = (): Conversation => new Conversation(made++, Math.max(1, Math.round(((perConnection - 9) * (50 + next(100))) / 128)), next);
  while (live.length < Math.min(IN_FLIGHT, load.connections)) live.push(open());
  while (live.length > 0) {
    const i = next(live.length);
    const c = live[i]!;
    if (advance(c, out, next)) continue;
    if (made < load.connections) live[i] = open();
    else {
      live[i] = live[live.length - 1]!;
      live.pop();
    }
  }
  out.close();
  return { packets: out.packets, connections: made };
}

/** Sends the next packet of a conversation; false when it has said everything. */
function advance(c: Conversation, out: Writer, next: (below: number) => number): boolean {
  switch (c.step) {
    case 0:
      out.segment(c, true, SYN, 0);
      if (next(100) < 2) return true; // the SYN comes again
      c.step = 1;
      return true;
    case 1:
      if (c.fate === 'refused') {
        out.segment(c, false, RST | ACK, 0);
        return false;
      }
      c.clientSeq++;
      out.segment(c, false, SYN | ACK, 0);
      c.serverSeq++;
      c.step = 2;
      return true;
    case 2:
      out.segment(c, true, ACK, 0);
      c.step = 3;
      return true;
    case 3: {
      const length = 200 + next(700);
      out.segment(c, true, PSH | ACK, length);
      c.clientSeq += length;
      c.step = 4;
      return true;
    }
    case 4: {
      const length = c.segments > 1 ? 1448 : 1 + next(1448);
      out.segment(c, false, ACK, length);
      if (next(100) < 1) return true; // sent again
      c.serverSeq += length;
      c.segments--;
      c.step = c.segments % 2 === 0 ? 5 : 4;
      if (c.segments <= 0) c.step = 5;
      return true;
    }
    case 5:
      out.segment(c, true, ACK, 0);
      if (c.segments > 0) c.step = 4;
      else if (c.fate === 'stays') return false;
      else c.step = c.fate === 'resets' ? 9 : 6;
      return true;
    case 6:
      out.segment(c, false, FIN | ACK, 0);
      c.serverSeq++;
      c.step = 7;
      return true;
    case 7:
      out.segment(c, true, c.fate === 'leaks' ? ACK : FIN | ACK, 0);
      if (c.fate === 'leaks') return false;
      c.clientSeq++;
      c.step = 8;
      return true;
    case 8:
      out.segment(c, false, ACK, 0);
      return false;
    default:
      out.segment(c, true, RST | ACK, 0);
      return false;
  }
}

class Writer {
  readonly #file: number;
  readonly #bytes = Buffer.alloc(BUFFER);
  readonly #view = new DataView(this.#bytes.buffer, this.#bytes.byteOffset);
  #at = 24;
  #micros = 0;
  packets = 0;

  constructor(path: string) {
    this.#file = openSync(path, 'w');
    this.#bytes.writeUInt32LE(0xa1b2c3d4, 0);
    this.#bytes.writeUInt16LE(2, 4);
    this.#bytes.writeUInt16LE(4, 6);
    this.#bytes.writeUInt32LE(SNAP, 16);
    this.#bytes.writeUInt32LE(1, 20);
  }

  segment(c: Conversation, fromClient: boolean, flags: number, payload: number): void {
    if (this.#at + 16 + SNAP > BUFFER) this.#flush();
    const v = this.#view;
    const record = this.#at;
    this.#micros += 10;
    const ip = record + 16 + 14;
    const tcp = ip + (c.ipv6 ? 40 : 20);
    const header = (flags & SYN) !== 0 ? 40 : 32;
    const wire = tcp - record - 16 + header + payload;
    const cap = Math.min(SNAP, wire);
    this.#bytes.fill(0, record, record + 16 + SNAP);
    v.setUint32(record, 1_700_000_000 + Math.floor(this.#micros / 1e6), true);
    v.setUint32(record + 4, this.#micros % 1_000_000, true);
    v.setUint32(record + 8, cap, true);
    v.setUint32(record + 12, wire, true);
    v.setUint16(record + 16 + 12, c.ipv6 ? 0x86dd : 0x0800);
    this.#ip(c, fromClient, ip, header + payload);
    v.setUint16(tcp, fromClient ? c.port : c.servicePort);
    v.setUint16(tcp + 2, fromClient ? c.servicePort : c.port);
    const refusal = (flags & RST) !== 0 && !fromClient;
    v.setUint32(tcp + 4, refusal ? 0 : fromClient ? c.clientSeq : c.serverSeq);
    const acked = fromClient ? c.serverSeq : c.clientSeq;
    v.setUint32(tcp + 8, (flags & ACK) !== 0 ? (refusal ? acked + 1 : acked) : 0);
    v.setUint16(tcp + 12, ((header / 4) << 12) | flags);
    v.setUint16(tcp + 14, 502);
    this.#options(tcp + 20, (flags & SYN) !== 0);
    this.#at = record + 16 + cap;
    this.packets++;
  }

  #ip(c: Conversation, fromClient: boolean, at: number, length: number): void {
    const v = this.#view;
    const [src, dst] = fromClient ? [at, at + 4] : [at + 4, at];
    if (c.ipv6) {
      v.setUint32(at, 0x60000000);
      v.setUint16(at + 4, length);
      v.setUint16(at + 6, 0x0640);
      const [client, server] = fromClient ? [at + 8, at + 24] : [at + 24, at + 8];
      v.setUint32(client, 0x20010db8);
      v.setUint32(client + 12, c.client);
      v.setUint32(server, 0x20010db8);
      v.setUint32(server + 4, 1);
      v.setUint32(server + 12, c.server);
      return;
    }
    v.setUint16(at, 0x4500);
    v.setUint16(at + 2, 20 + length);
    v.setUint16(at + 4, this.packets);
    v.setUint16(at + 6, 0x4000);
    v.setUint16(at + 8, 0x4006);
    v.setUint32(src + 12, 0x0a010000 + c.client);
    v.setUint32(dst + 12, 0xc0a80100 + c.server);
  }

  #options(at: number, syn: boolean): void {
    const v = this.#view;
    const stamp = Math.floor(this.#micros / 1_000);
    if (syn) {
      v.setUint32(at, 0x020405b4); // MSS 1460
      v.setUint32(at + 4, 0x0402080a); // SACK permitted, timestamps
      v.setUint32(at + 8, stamp);
      v.setUint32(at + 16, 0x01030307); // window scale 7
    } else {
      v.setUint32(at, 0x0101080a);
      v.setUint32(at + 4, stamp);
    }
  }

  #flush(): void {
    writeSync(this.#file, this.#bytes, 0, this.#at);
    this.#at = 0;
  }

  close(): void {
    this.#flush();
    closeSync(this.#file);
  }
}
