/**
 * LINKTYPE_IEEE802_11, also behind radiotap, Prism and AVS headers: data frames of a wireless capture. Encrypted frames, aggregates (A-MSDU)
 * and everything that is not data end as another protocol: their IP headers cannot be read here.
 */
import { Stop } from '../packet.ts';
import { missing, Next, stopped, type Walk } from '../walk.ts';

/** Version, pad, length (little-endian, of the whole radiotap header), first word of present flags. */
const RADIOTAP_HEADER = 8;
const PRESENT_TSFT = 0x01;
const PRESENT_FLAGS = 0x02;
const PRESENT_EXTENDED = 0x8000_0000;
/** radiotap.org "Flags": the 802.11 header is padded to a multiple of four. */
const FLAG_DATA_PAD = 0x20;

export const decodeIeee80211 = (w: Walk): number => decodeData(w, false);

export function decodeRadiotap(w: Walk): number {
  if (w.bound - w.at < RADIOTAP_HEADER) return missing(w, RADIOTAP_HEADER);
  const length = w.view.getUint16(w.at + 2, true);
  if (length < RADIOTAP_HEADER) return stopped(w, Stop.MALFORMED);
  if (w.bound - w.at < length) return missing(w, length);
  const padded = (radiotapFlags(w.view, w.at, length) & FLAG_DATA_PAD) !== 0;
  w.at += length;
  return decodeData(w, padded);
}

/** The message's code and length, in the byte order of the machine that captured (linux-wlan-ng p80211msg.h); its length is fixed. */
const PRISM_HEADER = 144;
/** Code, of which the last twelve bits are a version, and length; big-endian (AVS: "Standard Capture Header"). */
const AVS_MAGIC = 0x80211000;
const AVS_LEAST = 8;

/** Drivers wrote AVS headers under Prism's link type as well. */
export function decodePrism(w: Walk): number {
  if (w.bound - w.at >= 4 && isAvs(w)) return decodeAvs(w);
  if (w.bound - w.at < PRISM_HEADER) return missing(w, PRISM_HEADER);
  w.at += PRISM_HEADER;
  return decodeData(w, false);
}

export function decodeAvs(w: Walk): number {
  if (w.bound - w.at < AVS_LEAST) return missing(w, AVS_LEAST);
  const length = w.view.getUint32(w.at + 4);
  if (!isAvs(w) || length < AVS_LEAST) return stopped(w, Stop.MALFORMED);
  if (w.bound - w.at < length) return missing(w, length);
  w.at += length;
  return decodeData(w, false);
}

const isAvs = (w: Walk): boolean => (w.view.getUint32(w.at) & 0xfffff000) >>> 0 === AVS_MAGIC;

/** The caller has checked that `length` bytes are there. */
export function radiotapFlags(view: DataView, at: number, length: number): number {
  const present = view.getUint32(at + 4, true);
  if ((present & PRESENT_FLAGS) === 0) return 0;
  let field = 4;
  while (field + 4 <= length && (view.getUint32(at + field, true) & PRESENT_EXTENDED) !== 0) field += 4;
  field += 4;
  // Fields are aligned to their size, counted from the start of the header.
  if ((present & PRESENT_TSFT) !== 0) field = ((field + 7) & ~7) + 8;
  return field < length ? view.getUint8(at + field) : 0;
}

/** Frame control, duration, three addresses, sequence control (IEEE 802.11 §9.3.2.1). */
const HEADER = 24;
const TYPE_MASK = 0x0c;
const TYPE_DATA = 0x08;
const SUBTYPE_QOS = 0x80;
const SUBTYPE_NO_DATA = 0x40;
const TO_AND_FROM_DS = 0x03;
const PROTECTED = 0x40;
const ORDER = 0x80;
const FRAGMENT_NUMBER = 0x0f;
const QOS_AMSDU = 0x80;

function decodeData(w: Walk, padded: boolean): number {
  if (w.bound - w.at < HEADER) return missing(w, HEADER);
  const control = w.view.getUint8(w.at);
  const flags = w.view.getUint8(w.at + 1);
  if ((control & TYPE_MASK) !== TYPE_DATA || (control & SUBTYPE_NO_DATA) !== 0) return stopped(w, Stop.OTHER_PROTOCOL);
  if ((flags & PROTECTED) !== 0) return stopped(w, Stop.OTHER_PROTOCOL);
  if ((w.view.getUint8(w.at + 22) & FRAGMENT_NUMBER) !== 0) return stopped(w, Stop.FRAGMENT);
  let length = HEADER;
  if ((flags & TO_AND_FROM_DS) === TO_AND_FROM_DS) length += 6; // a fourth address
  if ((control & SUBTYPE_QOS) !== 0) {
    if (w.bound - w.at < length + 2) return missing(w, length + 2);
    if ((w.view.getUint8(w.at + length) & QOS_AMSDU) !== 0) return stopped(w, Stop.OTHER_PROTOCOL);
    length += (flags & ORDER) !== 0 ? 6 : 2; // QoS control, and HT control when there is one
  }
  if (padded) length = (length + 3) & ~3;
  if (w.bound - w.at < length) return missing(w, length);
  w.at += length;
  return Next.LLC;
}
