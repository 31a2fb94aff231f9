/** What ICMP errors say of a path's MTU. */
import { Mark } from '../model/connection.ts';
import type { Packet } from '../decode/packet.ts';
import type { Context } from './context.ts';
import { markDetail } from './events.ts';

/** Fragmentation needed (RFC 1191), packet too big (RFC 4443). */
export const isTooBig = (k: Packet): boolean => (k.ipVersion === 4 ? k.icmpType === 3 && k.icmpCode === 4 : k.icmpType === 2);

/** The MTU that a router asks for; once for each value. `x` stands at the end that is to send less. */
export function notePathMtu(x: Context, k: Packet): void {
  const at = k.transportAt + (k.ipVersion === 4 ? 6 : 4);
  const mtu = at + 4 > k.end ? 0 : k.ipVersion === 4 ? k.view.getUint16(at) : Math.min(0xffff, k.view.getUint32(at));
  const before = x.lastMark(x.side, Mark.PATH_MTU);
  if (before === 0 || markDetail(x.tables.events.code(before)) !== mtu) x.mark(Mark.PATH_MTU, mtu);
}
