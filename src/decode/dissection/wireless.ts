/** Radiotap and IEEE 802.11 headers as fields: enough to see where the frame went and why it is not read any further. */
import { radiotapFlags } from '../link/ieee80211.ts';
import { Next } from '../walk.ts';
import { type Dissection, hex, macText, named, plural } from './dissection.ts';

/** IEEE 802.11 §9.2.4.1.3. */
const FRAME_TYPES: Readonly<Record<number, string>> = { 0: 'management', 1: 'control', 2: 'data', 3: 'extension' };
/** IEEE 802.11 §9.2.4.1.4: the bits of the second octet of frame control. */
const FLAGS = ['to DS', 'from DS', 'more fragments', 'retry', 'power management', 'more data', 'protected', 'order'];

export const dissectIeee80211 = (d: Dissection): number => dissectFrame(d, false);

export function dissectRadiotap(d: Dissection): number {
  const { at, view } = d;
  const size = d.has(4) ? view.getUint16(at + 2, true) : 8;
  const layer = d
    .layer('Radiotap')
    .field('Version', 0, 1, (a) => String(view.getUint8(a)))
    .field('Header length', 2, 2, () => plural(size, 'byte'))
    .field('Present fields', 4, 4, (a) => hex(view.getUint32(a, true), 8));
  const padded = size >= 8 && d.has(size) && (radiotapFlags(view, at, size) & 0x20) !== 0;
  if (size < 8) {
    layer.close(`malformed: length ${size} is below 8`, 8);
    return Next.END;
  }
  return layer.close('', size) ? dissectFrame(d, padded) : Next.END;
}

function dissectFrame(d: Dissection, padded: boolean): number {
  const { at, bytes, view } = d;
  const control = d.has(2) ? view.getUint8(at) : 0;
  const flags = d.has(2) ? view.getUint8(at + 1) : 0;
  const data = ((control >>> 2) & 3) === 2;
  const qos = data && (control & 0x80) !== 0;
  const layer = d
    .layer('802.11')
    .field('Type', 0, 1, () => named(FRAME_TYPES, (control >>> 2) & 3))
    .field('Subtype', 0, 1, () => String(control >>> 4))
    .field('Flags', 1, 1, () => FLAGS.filter((_, bit) => (flags & (1 << bit)) !== 0).join(', ') || 'none')
    .field('Address 1 (receiver)', 4, 6, (a) => macText(bytes, a))
    .field('Address 2 (transmitter)', 10, 6, (a) => macText(bytes, a))
    .field('Address 3', 16, 6, (a) => macText(bytes, a))
    .field('Sequence', 22, 2, (a) => `${view.getUint16(a, true) >>> 4}, fragment ${view.getUint16(a, true) & 15}`);
  let size = 24 + ((flags & 3) === 3 ? 6 : 0);
  const aggregate = qos && d.has(size + 2) && (view.getUint8(at + size) & 0x80) !== 0;
  if (qos) size += (flags & 0x80) !== 0 ? 6 : 2;
  if (padded) size = (size + 3) & ~3;
  const whole = d.has(24);
  const laterFragment = whole && (view.getUint8(at + 22) & 15) !== 0;
  const readable = data && (control & 0x40) === 0 && (flags & 0x40) === 0 && !laterFragment && !aggregate;
  const summary = whole ? `${macText(bytes, at + 10)} → ${macText(bytes, at + 4)}${(flags & 0x40) !== 0 ? ', encrypted' : ''}` : '';
  return layer.close(summary, size) && readable ? Next.LLC : Next.END;
}
