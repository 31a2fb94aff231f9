/**
 * Scripted segments in a notation like packetdrill's, one per line:
 *
 *   +<seconds> <dir> <flags> [seqStart:seqEnd(length)] [ack N] [win N] [<options>]   # CLIENT_STATE / SERVER_STATE
 *   +.010 < S. 0:0(0) ack 1 win 65535 <mss 1460,sackOK,TS val 10 ecr 0,wscale 7>      # ESTABLISHED / SYN_RCVD
 *   +1.5  > icmp 3/1                                                                   # quotes the other end's last segment
 *
 * `>` is client to server. Flags as tcpdump writes them. Sequence and ACK numbers count from each side's ISN, which the
 * SYN has: the first octet of data is 1. Without seq the next one in order is taken, with no payload; `1:1(0) ack 1` can
 * be written out for the reader. Delta is since the line before.
 */
import { Flag } from '../../src/model/flags.ts';
import { STATE_NAMES, type StateName } from '../../src/model/state.ts';
import { concat, ethernet, icmp, icmpv6, ipv4, ipv6, tcp, tcpOption } from './frames.ts';

export type Direction = 'client' | 'server';

/** The states of both ends after a segment, as the comment says; `-` or `*` in a script asserts nothing. */
export interface ExpectedStates {
  readonly client: StateName | null;
  readonly server: StateName | null;
}

interface ScriptedBase {
  /** 1-based line in the script, for messages. */
  readonly line: number;
  /** The line itself, without the comment. */
  readonly text: string;
  /** Since the script began, nanoseconds. */
  readonly at: number;
  /** The sender. */
  readonly from: Direction;
  readonly expected: ExpectedStates | null;
}

export interface ScriptedTcp extends ScriptedBase {
  readonly kind: 'tcp';
  /** Bits of model/flags.ts. */
  readonly flags: number;
  /** Relative to the sender's ISN. */
  readonly seq: number;
  readonly length: number;
  /** Relative to the other end's ISN; null without the ACK flag. */
  readonly ack: number | null;
  /** As in the header. */
  readonly window: number;
  /** Encoded, with relative numbers already made absolute. */
  readonly options: Uint8Array;
}

/** An error from the side `from`, about the last TCP segment of the other side. */
export interface ScriptedIcmp extends ScriptedBase {
  readonly kind: 'icmp';
  readonly type: number;
  readonly code: number;
}

export type ScriptedSegment = ScriptedTcp | ScriptedIcmp;

export interface ScriptOptions {
  readonly family?: 4 | 6;
  readonly clientIp?: string;
  readonly serverIp?: string;
  readonly clientPort?: number;
  readonly serverPort?: number;
  /** Absolute ISNs; the defaults stand next to the wrap of 2^32. */
  readonly clientIsn?: number;
  readonly serverIsn?: number;
  /** TTL or hop limit at the capture point; 64. */
  readonly clientTtl?: number;
  readonly serverTtl?: number;
  /** The first octets of each end's stream, one character each; what comes after them are letters. */
  readonly clientText?: string;
  readonly serverText?: string;
  /** Epoch seconds at which the script begins. */
  readonly start?: number;
}

export interface ScriptedFrame {
  readonly seconds: number;
  readonly nanos: number;
  /** Ethernet. */
  readonly bytes: Uint8Array;
  readonly segment: ScriptedSegment;
  readonly expected: ExpectedStates | null;
}

export const DEFAULT_CLIENT_ISN = 4294967290;
export const DEFAULT_SERVER_ISN = 4294967000;
/** 2026-11-20T08:33:00Z */
export const DEFAULT_START = 1795163580;
const NANOS = 1_000_000_000;

const LINE = /^\+(\d*\.?\d+)\s+([<>])\s+(.*)$/;
const ICMP = /^icmp\s+(\d+)\/(\d+)$/;
const TCP = /^([SFRPUEWe.]+|none)(?:\s+(\d+):(\d+)\((\d+)\))?(?:\s+ack\s+(\d+))?(?:\s+win\s+(\d+))?(?:\s+<([^>]*)>)?$/;

export function parseScript(script: string, options: ScriptOptions = {}): readonly ScriptedSegment[] {
  const isn = { client: options.clientIsn ?? DEFAULT_CLIENT_ISN, server: options.serverIsn ?? DEFAULT_SERVER_ISN };
  const next = { client: 0, server: 0 };
  const segments: ScriptedSegment[] = [];
  let at = 0;
  for (const [index, raw] of script.split('\n').entries()) {
    const [head, comment] = splitComment(raw);
    if (head === '') continue;
    const fail = (why: string): never => {
      throw new Error(`script line ${index + 1}: ${why}: ${raw.trim()}`);
    };
    const m = LINE.exec(head) ?? fail('expected +SECONDS < or >');
    at += Math.round(Number(m[1]) * NANOS);
    const from: Direction = m[2] === '>' ? 'client' : 'server';
    const to: Direction = from === 'client' ? 'server' : 'client';
    const base = { line: index + 1, text: head, at, from, expected: parseStates(comment, fail) };

    const error = ICMP.exec(m[3]!);
    if (error) {
      segments.push({ ...base, kind: 'icmp', type: Number(error[1]), code: Number(error[2]) });
      continue;
    }
    const t = TCP.exec(m[3]!) ?? fail('not flags [seq:end(len)] [ack N] [win N] [<options>]');
    const flags = parseFlags(t[1]!);
    const seq = t[2] === undefined ? next[from] : Number(t[2]);
    const length = t[4] === undefined ? 0 : Number(t[4]);
    if (t[3] !== undefined && Number(t[3]) !== seq + length) fail(`${seq} + ${length} is not ${t[3]}`);
    if ((t[5] !== undefined) !== ((flags & Flag.ACK) !== 0)) fail('an ACK number goes with the "." flag, and only with it');
    const consumed = length + ((flags & Flag.SYN) !== 0 ? 1 : 0) + ((flags & Flag.FIN) !== 0 ? 1 : 0);
    next[from] = Math.max(next[from], seq + consumed);
    segments.push({
      ...base,
      kind: 'tcp',
      flags,
      seq,
      length,
      ack: t[5] === undefined ? null : Number(t[5]),
      window: t[6] === undefined ? 65535 : Number(t[6]),
      options: parseOptions(t[7], isn[to], fail),
    });
  }
  return segments;
}

/** The script as Ethernet frames with times. */
export function scriptFrames(script: string, options: ScriptOptions = {}): readonly ScriptedFrame[] {
  const family = options.family ?? 4;
  const ips = {
    client: options.clientIp ?? (family === 4 ? '10.0.0.1' : '2001:db8::1'),
    server: options.serverIp ?? (family === 4 ? '10.0.0.2' : '2001:db8::2'),
  };
  const ports = { client: options.clientPort ?? 40000, server: options.serverPort ?? 80 };
  const isn = { client: options.clientIsn ?? DEFAULT_CLIENT_ISN, server: options.serverIsn ?? DEFAULT_SERVER_ISN };
  const lastIp: Record<Direction, Uint8Array | null> = { client: null, server: null };
  const start = options.start ?? DEFAULT_START;
  let ipId = 0;

  return parseScript(script, options).map((segment): ScriptedFrame => {
    const from = segment.from;
    const to = from === 'client' ? 'server' : 'client';
    const addresses = { src: ips[from], dst: ips[to] };
    const ttl = (from === 'client' ? options.clientTtl : options.serverTtl) ?? 64;
    let ip: Uint8Array;
    if (segment.kind === 'icmp') {
      const about = lastIp[to];
      if (about === null) throw new Error(`script line ${segment.line}: no segment of the ${to} to quote`);
      // RFC 792: the IP header and 64 bits of data; RFC 4443: as much as fits.
      const quoted = family === 4 ? about.subarray(0, 28) : about;
      ip =
        family === 4
          ? ipv4(addresses, icmp(segment.type, segment.code, quoted))
          : ipv6(addresses, icmpv6(segment.type, segment.code, quoted));
    } else {
      const upper = tcp({
        srcPort: ports[from],
        dstPort: ports[to],
        seq: isn[from] + segment.seq,
        ack: segment.ack === null ? 0 : isn[to] + segment.ack,
        flags: segment.flags,
        window: segment.window,
        options: segment.options,
        payload: payloadAt(segment.seq, segment.length, from === 'client' ? options.clientText : options.serverText),
      });
      ip =
        family === 4
          ? ipv4({ ...addresses, ttl, id: ++ipId & 0xffff, dontFragment: true }, upper)
          : ipv6({ ...addresses, hopLimit: ttl }, upper);
      lastIp[from] = ip;
    }
    return {
      seconds: start + Math.floor(segment.at / NANOS),
      nanos: segment.at % NANOS,
      bytes: ethernet(ip),
      segment,
      expected: segment.expected,
    };
  });
}

/** The script as a classic pcap file with nanoseconds, LINKTYPE_ETHERNET. */
export const scriptCapture = (script: string, options: ScriptOptions = {}): Uint8Array => pcapOf(scriptFrames(script, options));

/** Frames in the given order as a classic pcap file with nanoseconds; so many octets are captured of each. */
export function pcapOf(
  frames: readonly { seconds: number; nanos: number; bytes: Uint8Array }[],
  linkType = 1,
  snapLength = 262144,
): Uint8Array {
  const header = new DataView(new ArrayBuffer(24));
  header.setUint32(0, 0xa1b23c4d, true);
  header.setUint16(4, 2, true);
  header.setUint16(6, 4, true);
  header.setUint32(16, snapLength, true);
  header.setUint32(20, linkType, true);
  const records = frames.flatMap(({ seconds, nanos, bytes }) => {
    const record = new DataView(new ArrayBuffer(16));
    const captured = bytes.subarray(0, snapLength);
    [seconds, nanos, captured.length, bytes.length].forEach((value, i) => record.setUint32(i * 4, value, true));
    return [new Uint8Array(record.buffer), captured];
  });
  return concat(new Uint8Array(header.buffer), ...records);
}

type Fail = (why: string) => never;

function splitComment(line: string): readonly [string, string | undefined] {
  const hash = line.indexOf('#');
  return hash < 0 ? [line.trim(), undefined] : [line.slice(0, hash).trim(), line.slice(hash + 1).trim()];
}

/** `ESTABLISHED / SYN_RCVD`, then anything behind a comma or semicolon; a comment without a slash is only a comment. */
function parseStates(comment: string | undefined, fail: Fail): ExpectedStates | null {
  const m = /^([A-Z_\d*-]+)\s*\/\s*([A-Z_\d*-]+)(?:\s*[,;(].*)?$/.exec(comment ?? '');
  if (!m) return null;
  const state = (name: string): StateName | null => {
    if (name === '-' || name === '*') return null;
    return STATE_NAMES.find((s) => s === name) ?? fail(`no state is called ${name}`);
  };
  return { client: state(m[1]!), server: state(m[2]!) };
}

const FLAG_OF: Readonly<Record<string, number>> = {
  F: Flag.FIN,
  S: Flag.SYN,
  R: Flag.RST,
  P: Flag.PSH,
  '.': Flag.ACK,
  U: Flag.URG,
  E: Flag.ECE,
  W: Flag.CWR,
  e: Flag.AE,
};
const parseFlags = (letters: string): number =>
  letters === 'none' ? 0 : Array.from(letters).reduce((bits, letter) => bits | FLAG_OF[letter]!, 0);

/** Options as tcpdump prints them. SACK edges (`sack 11:21`) count from the other end's ISN. */
function parseOptions(list: string | undefined, peerIsn: number, fail: Fail): Uint8Array {
  const encoded = (list ?? '').split(',').map((word): Uint8Array => {
    const words = word.trim().split(/\s+/);
    switch (words[0]) {
      case '':
        return new Uint8Array(0);
      case 'nop':
        return tcpOption.nop();
      case 'eol':
        return tcpOption.end();
      case 'mss':
        return tcpOption.mss(Number(words[1]));
      case 'wscale':
        return tcpOption.windowScale(Number(words[1]));
      case 'sackOK':
        return tcpOption.sackPermitted();
      case 'TS':
        return tcpOption.timestamps(Number(words[2]), Number(words[4]));
      case 'sack':
        return tcpOption.sack(...words.slice(1).flatMap((pair) => pair.split(':').map((edge) => (peerIsn + Number(edge)) >>> 0)));
      case 'tfo':
        return tcpOption.fastOpen(new Uint8Array(Number(words[1] ?? 0)));
      default:
        return fail(`unknown option ${word.trim()}`);
    }
  });
  const options = concat(...encoded);
  return options.length > 40 ? fail(`${options.length} octets of options; a header holds 40`) : options;
}

/** Printable, and the same octets when the same sequence numbers are sent again. */
function payloadAt(seq: number, length: number, text = ''): Uint8Array {
  const letter = (at: number): number => 97 + (((at % 26) + 26) % 26);
  return Uint8Array.from({ length }, (_, i) => (seq + i > 0 && seq + i <= text.length ? text.charCodeAt(seq + i - 1) : letter(seq + i)));
}
