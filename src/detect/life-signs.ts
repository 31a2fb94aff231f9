/** Did two hosts hear of each other on another connection meanwhile? It tells a dead host from a dead connection, and loss from size. */
import type { CaptureView, ServiceView } from '../model/capture-view.ts';
import type { ConnectionView, EndpointView } from '../model/connection.ts';
import type { Nanos } from '../model/units.ts';
import { append } from './append.ts';
import { sample } from './statistics.ts';

/** Connections of one server that are looked at. */
const MOST = 2_000;

export class LifeSigns {
  readonly #capture: CaptureView;
  #services: ReadonlyMap<string, readonly ServiceView[]> | undefined;
  /** Per server: connections by the address of the client. */
  readonly #servers = new Map<string, ReadonlyMap<string, readonly ConnectionView[]>>();

  constructor(capture: CaptureView) {
    this.#capture = capture;
  }

  /** Other connections between the same two hosts; of very many, a sample. */
  between(connection: ConnectionView): readonly ConnectionView[] {
    const { ip } = connection.server;
    let clients = this.#servers.get(ip);
    if (clients === undefined) {
      const ids = this.#servicesOf(ip).flatMap((s) => sample(s.all(), MOST));
      const lists = new Map<string, ConnectionView[]>();
      for (const id of sample(ids, MOST)) {
        const c = this.#capture.connection(id);
        append(lists, c.client.ip, c);
      }
      this.#servers.set(ip, (clients = lists));
    }
    return (clients.get(connection.client.ip) ?? []).filter((c) => c.id !== connection.id);
  }

  /** By address once for all: a server that is asked for may be one of as many as there are connections. */
  #servicesOf(ip: string): readonly ServiceView[] {
    if (this.#services === undefined) {
      const byIp = new Map<string, ServiceView[]>();
      for (const service of this.#capture.services) append(byIp, service.ip, service);
      this.#services = byIp;
    }
    return this.#services.get(ip) ?? [];
  }

  /** The end of another connection at which the host of `end` spoke after `since`; null: none did. */
  of(connection: ConnectionView, end: EndpointView, since: Nanos): EndpointView | null {
    for (const other of this.between(connection)) {
      const there = other.ends[end.side];
      // A last word that is a RST may come from a device on the way; a connection that is stuck itself is no sign of life.
      const stuck = other.ends.some((e) => e.sequence.resentInVain > 0 || e.sequence.keepAlivesInVain > 1);
      const last = there.rst > 0 ? there.lastDataTime : there.lastTime;
      if (!stuck && last !== null && last > since) return there;
    }
    return null;
  }
}
