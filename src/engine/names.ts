/**
 * What the hosts of a report are called: the user's own names before those that the capture shows. Nothing is looked up anywhere, and a name
 * stands beside its address, never instead of it.
 */
import type { Finding } from '../model/finding.ts';
import { endpointText } from '../model/address.ts';
import type { Name, Names, OwnNames } from '../model/names.ts';
import type { ConnectionView } from '../model/connection.ts';
import type { ReportName } from '../model/report.ts';
import type { Vantage } from '../model/vantage.ts';
import type { SeenNames } from '../track/seen-names.ts';

/** contract.md: lists are bounded. */
const MAX_NAMES = 1_000;

export class AllNames implements Names {
  readonly #own: OwnNames;
  readonly #seen: SeenNames;
  readonly #payload: boolean;

  /** @param payload may names be shown that only packets have told? */
  constructor(own: OwnNames, seen: SeenNames, payload: boolean) {
    this.#own = own;
    this.#seen = seen;
    this.#payload = payload;
  }

  host(ip: string): Name | null {
    return this.#own.host(ip) ?? this.#seen.host(ip, (origin) => this.#payload || origin === 'capture');
  }

  service(ip: string, port: number): Name | null {
    return this.#own.service(ip, port);
  }
}

/** Of the hosts and services that findings are about, and of those whose frames prove them. Undefined: none has a name. */
export function reportNames(
  findings: readonly Finding[],
  vantage: Vantage,
  names: Names,
  connection: (id: number) => ConnectionView,
): Readonly<Record<string, ReportName>> | undefined {
  const found: Record<string, ReportName> = {};
  let left = MAX_NAMES;
  const seen = new Set<string>();
  const note = (key: string, name: () => Name | null): void => {
    if (left <= 0 || seen.has(key)) return;
    seen.add(key);
    const known = name();
    if (known === null) return;
    found[key] = { name: known.name, from: known.origin };
    left--;
  };
  const host = (ip: string | undefined): void => {
    if (ip !== undefined) note(ip, () => names.host(ip));
  };
  const service = (ip: string | undefined, port: number | undefined): void => {
    host(ip);
    if (ip !== undefined && port !== undefined) note(endpointText(ip, port), () => names.service(ip, port));
  };
  for (const { ip } of vantage.hosts) host(ip);
  for (const { subject, atFault, evidence } of findings) {
    const { host: mine, role, port, peer, peerPort } = subject;
    service(mine, role === 'client' ? undefined : port);
    service(peer, peerPort ?? (role === 'client' ? port : undefined));
    if (atFault !== null && /[.:]/.test(atFault)) host(atFault);
    for (const id of new Set(evidence.map((e) => e.connection))) {
      if (id === null) continue;
      const c = connection(id);
      host(c.client.ip);
      service(c.server.ip, c.server.port);
    }
  }
  return seen.size === 0 || left === MAX_NAMES ? undefined : found;
}
