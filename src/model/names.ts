/**
 * What hosts and services are called, and what a host is said to be. Names only make sentences easier to read: nothing is identified by
 * them, and no address is ever left out for its name. Where a name came from is kept with it, because a capture can lie about names.
 */
import { type Endpoint, inPrefix, parseEndpoint, parsePrefix, type Prefix } from './address.ts';

/** `config`: the user's own word. The others are what the capture shows. */
export const NAME_ORIGINS = ['config', 'dns', 'capture', 'sni', 'http'] as const;
export type NameOrigin = (typeof NAME_ORIGINS)[number];

export interface Name {
  readonly name: string;
  readonly origin: NameOrigin;
}

/** null: none is known. */
export interface Names {
  host(ip: string): Name | null;
  service(ip: string, port: number): Name | null;
}

/**
 * proxy, balancer, nat: many clients stand behind its address · health-checker: it opens connections to see whether it can · monitor: it
 * looks at many ports or hosts on purpose, and checks health, too · scanner: a scanner of one's own.
 */
export const HOST_ROLES = ['proxy', 'balancer', 'nat', 'health-checker', 'monitor', 'scanner'] as const;
export type HostRole = (typeof HOST_ROLES)[number];

/** Many clients may stand behind its address. */
export const standsForMany = (role: HostRole | null): boolean => role === 'proxy' || role === 'balancer' || role === 'nat';
/** Opens connections, and leaves them without a word, because it is its task. */
export const checksHealth = (role: HostRole | null): boolean => role === 'health-checker' || role === 'monitor' || role === 'balancer';
/** Asks at many ports or hosts because it is its task. */
export const sweeps = (role: HostRole | null): boolean => checksHealth(role) || role === 'scanner';

export interface NamedHost {
  readonly name?: string;
  readonly role?: HostRole;
}

/** As the configuration has them. */
export interface ConfiguredNames {
  /** By address or prefix. */
  readonly hosts?: Readonly<Record<string, NamedHost>>;
  /** By `address:port` or `port`. */
  readonly services?: Readonly<Record<string, string>>;
}

interface HostEntry extends NamedHost {
  readonly prefix: Prefix;
}

/** The user's own names. Of several prefixes that hold an address the longest counts; for a service, its address counts before its port. */
export class OwnNames implements Names {
  /** Longest prefix first. */
  readonly #hosts: readonly HostEntry[];
  readonly #endpoints: readonly { readonly endpoint: Endpoint; readonly name: string }[];
  readonly #ports: ReadonlyMap<number, string>;

  /** What is no address, prefix, endpoint or port names nothing; the configuration was checked before. */
  constructor({ hosts = {}, services = {} }: ConfiguredNames) {
    this.#hosts = Object.entries(hosts)
      .flatMap(([word, host]) => {
        const prefix = parsePrefix(word);
        return prefix === null ? [] : [{ ...host, prefix }];
      })
      .sort((a, b) => b.prefix.bits - a.prefix.bits);
    this.#endpoints = Object.entries(services).flatMap(([word, name]) => {
      const endpoint = parseEndpoint(word);
      return endpoint === null ? [] : [{ endpoint, name }];
    });
    this.#ports = new Map(Object.entries(services).flatMap(([word, name]) => (isPort(word) ? [[Number(word), name] as const] : [])));
  }

  host(ip: string): Name | null {
    const name = this.#hosts.find((h) => h.name !== undefined && inPrefix(ip, h.prefix))?.name;
    return name === undefined ? null : { name, origin: 'config' };
  }

  role(ip: string): HostRole | null {
    return this.#hosts.find((h) => h.role !== undefined && inPrefix(ip, h.prefix))?.role ?? null;
  }

  service(ip: string, port: number): Name | null {
    const name = this.#endpoints.find((e) => e.endpoint.port === port && inPrefix(ip, e.endpoint.address))?.name ?? this.#ports.get(port);
    return name === undefined ? null : { name, origin: 'config' };
  }
}

export const NO_NAMES = new OwnNames({});

export const isPort = (word: string): boolean => /^\d{1,5}$/.test(word) && Number(word) <= 65_535;
