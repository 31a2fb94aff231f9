/**
 * Whose SYN or SYN-ACK this is: by the order of its options, which each stack has its own code for, by the TTL that it must
 * have begun with, and between versions of one stack by the window. Signatures as in p0f (p0f.fp); what none of them fits
 * exactly is nobody's, and gets the default.
 *
 * The MSS counts only against the window, because routers rewrite it.
 */
import { Flag } from '../model/flags.ts';
import { EARLIEST_REPEAT, fitsSchedule, PROFILES } from '../model/profiles.ts';
import type { Packet } from '../decode/packet.ts';
import { OptionKind } from '../decode/transport/tcp-options.ts';
import { TCP_FIXED_HEADER } from '../decode/transport/tcp.ts';
import { NO_KERNEL_CODE } from './layout.ts';

/** No signature fits. */
const NOBODYS = 0;

const code = (name: string): number => PROFILES.findIndex((p) => p.name === name) + 1;
const LINUX = code('linux');
const LINUX_3_7 = code('linux-3.7');
const LINUX_2_6 = code('linux-2.6');
const WINDOWS = code('windows');
const WINDOWS_7 = code('windows-7');
const FREEBSD = code('freebsd');
const MACOS = code('macos');

/** Kinds in order, four bits each: 0 end, 1 NOP, 2 MSS, 3 window scale, 4 SACK permitted, 8 timestamps. */
const LAYOUT_OF = {
  /** linux: net/ipv4/tcp_output.c tcp_options_write; the second and third without timestamps, without SACK. */
  LINUX: 0x24813,
  LINUX_WITHOUT_TIMESTAMPS: 0x211413,
  LINUX_WITHOUT_SACK: 0x211813,
  WINDOWS: 0x213114,
  WINDOWS_WITHOUT_SCALE: 0x2114,
  /** Windows 7 with timestamps, and FreeBSD (sys/netinet/tcp_output.c tcp_addoptions). */
  SCALE_SACK_TIMESTAMPS: 0x21348,
  MACOS: 0x21311840,
  MSS_ALONE: 0x2,
} as const;
/** Options that `layout` has room for. */
const MAX_OPTIONS = 8;

/** Windows of Linux before 4.20 in segments: 4 up to 2.6.38, 10 up to 3.10, 20 after. */
const SEGMENTS_2_6 = 4;
const SEGMENTS_3 = 10;
const SEGMENTS_3_11 = 20;
/** Octets that timestamps take from each segment. */
const TIMESTAMPS_LENGTH = 12;

const WINDOW_OF_WINDOWS_7 = 8_192;
/** XP scaled its 65,535 by 2 at most. */
const SCALE_OF_XP = 2;
const BSD_WINDOW = 65_535;
/** nmap and masscan write one of these beside an MSS alone. */
const isToolWindow = (window: number): boolean => window === 1_024 || window === 2_048 || window === 3_072 || window === 4_096;

/** Kinds in order, four bits each, as far as they are those of LAYOUT_OF. Reads captured octets only. */
function layoutOf(k: Packet): number {
  const { view } = k;
  const from = k.transportAt + TCP_FIXED_HEADER;
  const end = Math.min(k.transportAt + k.headerLength, k.end);
  let layout = 0;
  for (let at = from, n = 0; at < end && n < MAX_OPTIONS; n++) {
    const kind = view.getUint8(at);
    if (kind > OptionKind.TIMESTAMPS) break;
    layout = (layout << 4) | kind;
    if (kind === OptionKind.END) break;
    at += kind === OptionKind.NOP || at + 1 >= end ? 1 : Math.max(1, view.getUint8(at + 1));
  }
  return layout;
}

/** After `decodeTcpOptions`: code of the profile as `profileAt` has it; 0 when it cannot be told. */
export function guessProfile(k: Packet): number {
  if (!k.options.complete) return NOBODYS;
  const isSyn = (k.flags & Flag.ACK) === 0;
  // Every stack states its MSS in its SYN (RFC 9293 §3.7.1); hping and forgers save the trouble.
  if (k.headerLength === TCP_FIXED_HEADER) return isSyn ? NO_KERNEL_CODE : NOBODYS;
  const layout = layoutOf(k);
  if (layout === LAYOUT_OF.MSS_ALONE) return isSyn && isToolWindow(k.window) ? NO_KERNEL_CODE : NOBODYS;
  if (k.ttl <= 64) return guessOf64(k, layout);
  return k.ttl <= 128 ? guessOf128(k, layout) : NOBODYS;
}

function guessOf64(k: Packet, layout: number): number {
  switch (layout) {
    case LAYOUT_OF.LINUX:
    case LAYOUT_OF.LINUX_WITHOUT_TIMESTAMPS:
    case LAYOUT_OF.LINUX_WITHOUT_SACK:
      return linuxVersion(k);
    case LAYOUT_OF.SCALE_SACK_TIMESTAMPS:
      return k.window === BSD_WINDOW ? FREEBSD : NOBODYS;
    case LAYOUT_OF.MACOS:
      return k.window === BSD_WINDOW ? MACOS : NOBODYS;
    default:
      return NOBODYS;
  }
}

function guessOf128(k: Packet, layout: number): number {
  switch (layout) {
    case LAYOUT_OF.WINDOWS:
      return k.window === WINDOW_OF_WINDOWS_7 || k.options.windowScale <= SCALE_OF_XP ? WINDOWS_7 : WINDOWS;
    case LAYOUT_OF.WINDOWS_WITHOUT_SCALE:
      return WINDOWS_7;
    case LAYOUT_OF.SCALE_SACK_TIMESTAMPS:
      return k.window === WINDOW_OF_WINDOWS_7 ? WINDOWS_7 : WINDOWS;
    default:
      return NOBODYS;
  }
}

function linuxVersion(k: Packet): number {
  const { mss, hasTimestamp } = k.options;
  const segment = hasTimestamp ? mss - TIMESTAMPS_LENGTH : mss;
  const { window } = k;
  if (window === SEGMENTS_2_6 * mss || window === SEGMENTS_2_6 * segment) return LINUX_2_6;
  if (window === SEGMENTS_3 * mss || window === SEGMENTS_3 * segment) return LINUX_3_7;
  return window === SEGMENTS_3_11 * mss || window === SEGMENTS_3_11 * segment ? LINUX_3_7 : LINUX;
}

/**
 * The repeats of a SYN tell the versions of one stack apart. Name of the profile that they fit better than `guessed`; null
 * when they change nothing.
 *
 * @param repeats seconds since the first SYN
 */
export function profileBySchedule(guessed: string, repeats: readonly number[]): string | null {
  const family = familyOf(guessed);
  const real = repeats.filter((at, i) => at - (repeats[i - 1] ?? 0) >= EARLIEST_REPEAT);
  if (real.length === 0) return null;
  const fitting = PROFILES.filter((p) => familyOf(p.name) === family && fitsSchedule(p, real)).map((p) => p.name);
  return fitting.length > 1 && fitting.includes(guessed) ? null : (fitting[0] ?? null);
}

/** `linux` of `linux-3.7`. */
const familyOf = (name: string): string => name.split('-')[0]!;
