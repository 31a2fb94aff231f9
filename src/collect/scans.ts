/**
 * Clients that knock at many doors: their attempts say what is open, not what is broken. Rules about refused and
 * unanswered connections leave them out.
 */
import type { ConnId } from '../model/units.ts';
import { connId } from '../model/units.ts';
import { Core, Trait } from '../track/layout.ts';
import type { Census } from './census.ts';

/** Zeek's scan policy: this many ports of one host, or hosts on one port, that did not work. */
const SCANNED_PORTS = 15;
const SCANNED_HOSTS = 25;

/** client address → server address (or port) → how many services it failed at. */
type Counts = Map<number, Map<number, number>>;

const bump = (counts: Counts, client: number, key: number): number => {
  let inner = counts.get(client);
  if (!inner) counts.set(client, (inner = new Map<number, number>()));
  const count = (inner.get(key) ?? 0) + 1;
  inner.set(key, count);
  return count;
};

export class Scans {
  readonly #census: Census;
  readonly #ports: Counts = new Map();
  readonly #hosts: Counts = new Map();
  /** Somebody reached one of the thresholds. */
  #any = false;

  constructor(census: Census) {
    this.#census = census;
    const clients = new Set<number>();
    for (const service of census.services) {
      if (service.completed === service.total) continue;
      clients.clear();
      for (const id of service.all()) {
        if (this.#completed(id)) continue;
        const client = census.clientAddress(id);
        if (clients.has(client)) continue;
        clients.add(client);
        const { address, port } = this.#server(id);
        if (bump(this.#ports, client, address) >= SCANNED_PORTS) this.#any = true;
        if (bump(this.#hosts, client, port) >= SCANNED_HOSTS) this.#any = true;
      }
    }
  }

  has(id: ConnId): boolean {
    if (!this.#any) return false;
    const client = this.#census.clientAddress(id);
    const { address, port } = this.#server(id);
    return (this.#ports.get(client)?.get(address) ?? 0) >= SCANNED_PORTS || (this.#hosts.get(client)?.get(port) ?? 0) >= SCANNED_HOSTS;
  }

  #completed(id: ConnId): boolean {
    const { cores } = this.#census.tracker.tables;
    return (cores.page(id)[cores.offset(id) + Core.STATE]! & Trait.COMPLETED) !== 0;
  }

  #server(id: number): { address: number; port: number } {
    const { cores } = this.#census.tracker.tables;
    const core = cores.page(connId(id));
    const c = cores.offset(id);
    const serverIsB = (core[c + Core.STATE]! & Trait.CLIENT_IS_B) === 0;
    const ports = core[c + Core.PORTS]!;
    return { address: core[c + (serverIsB ? Core.ADDR_B : Core.ADDR_A)]!, port: serverIsB ? ports & 0xffff : ports >>> 16 };
  }
}
