/** Connections that show one thing, gathered by service or by the host that shows it: one finding per cause, not per connection. */
import type { CaptureView, ServiceView } from '../model/capture-view.ts';
import type { ConnectionView, EndpointView } from '../model/connection.ts';
import type { Caveat, Subject } from '../model/finding.ts';
import { Side } from '../model/state.ts';
import type { ConnId } from '../model/units.ts';
import { countText, plural } from '../model/wording.ts';
import { sample } from './statistics.ts';

/** Connections that are looked at one by one; of more, a sample tells as much. */
const MOST = 20_000;
/** From more clients of one service than this, the clients together are the subject. */
export const MANY_CLIENTS = 3;

/** Whose end a rule speaks of: all that is kept of it where there may be thousands. */
export interface OfEnd {
  readonly end: Pick<EndpointView, 'side' | 'ip'>;
}

/** One connection, and the end that a rule speaks of. */
export interface Case extends OfEnd {
  readonly connection: ConnectionView;
  readonly end: EndpointView;
}

export interface ServiceGroup<T> {
  readonly service: ServiceView;
  /** In the order of their connections. */
  readonly cases: readonly T[];
  /** Says so where only a sample was looked at. */
  readonly caveats: readonly Caveat[];
}

export interface HostGroup<T extends OfEnd> extends ServiceGroup<T> {
  readonly side: Side;
  /** Null: many clients of the service. */
  readonly host: string | null;
}

/** As many of the connections as are looked at one by one, and what has to be said of that. */
export function lookedAt(ids: readonly ConnId[]): { readonly looked: readonly ConnId[]; readonly caveats: readonly Caveat[] } {
  const looked = sample(ids, MOST);
  const left = ids.length - looked.length;
  const text = `Looked at ${countText(looked.length)} of ${countText(ids.length)} connections, evenly spread.`;
  return { looked, caveats: left === 0 ? [] : [{ code: 'sampled', text, count: left }] };
}

/** What `look` says of each connection, by service. */
export function byService<T extends object>(
  capture: CaptureView,
  ids: readonly ConnId[],
  look: (connection: ConnectionView) => T | null,
): ServiceGroup<T>[] {
  const { looked, caveats } = lookedAt(ids);
  const groups = new Map<ServiceView, T[]>();
  for (const id of looked) {
    const it = look(capture.connection(id));
    if (it !== null) append(groups, capture.serviceOf(id), it);
  }
  return [...groups].map(([service, cases]) => ({ service, cases, caveats }));
}

/** The same, by service and the host of the end. */
export function byHost<T extends OfEnd>(
  capture: CaptureView,
  ids: readonly ConnId[],
  look: (connection: ConnectionView) => T | null,
): HostGroup<T>[] {
  return byService(capture, ids, look).flatMap(({ service, cases, caveats }) => {
    const out: HostGroup<T>[] = [];
    const servers = cases.filter((it) => it.end.side === Side.SERVER);
    if (servers.length > 0) out.push({ service, side: Side.SERVER, host: service.ip, cases: servers, caveats });
    const clients = new Map<string, T[]>();
    for (const it of cases) if (it.end.side === Side.CLIENT) append(clients, it.end.ip, it);
    if (clients.size > MANY_CLIENTS) {
      out.push({ service, side: Side.CLIENT, host: null, cases: cases.filter((it) => it.end.side === Side.CLIENT), caveats });
    } else {
      for (const [host, own] of clients) out.push({ service, side: Side.CLIENT, host, cases: own, caveats });
    }
    return out;
  });
}

function append<K, T>(groups: Map<K, T[]>, key: K, it: T): void {
  const list = groups.get(key);
  if (list) list.push(it);
  else groups.set(key, [it]);
}

/** The host of a group; of many clients, their service as the peer of them all. */
export function subjectOf({ service, side, host, cases }: HostGroup<OfEnd>): Subject {
  if (side === Side.SERVER) return { host: service.ip, role: 'server', port: service.port };
  if (host !== null) return { host, role: 'client', peer: service.ip, port: service.port };
  const any = cases[0]!.end.ip.includes(':') ? '::/0' : '0.0.0.0/0';
  return { role: 'client', subnet: any, peer: service.ip, peerPort: service.port };
}

/** `10.0.0.1`, `23 clients`. */
export const whoText = ({ host, cases }: HostGroup<OfEnd>): string => host ?? plural(new Set(cases.map((it) => it.end.ip)).size, 'client');
