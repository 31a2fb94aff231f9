/** The Wireshark display filter that shows a finding's packets: addresses, ports and frames; never tcp.stream, which Wireshark numbers differently. */
import type { Draft } from '../detect/detector.ts';
import type { CaptureView } from '../model/capture-view.ts';

/** contract.md. */
const MAX_LENGTH = 4_000;
/** `tcp.port in {…}` with more ports than this says less than the addresses alone. */
const MAX_PORTS = 200;

const address = (ip: string): string => `${ip.includes(':') ? 'ipv6' : 'ip'}.addr==${ip}`;

export function displayFilter(draft: Draft, capture: CaptureView): string {
  const { host, port, peer, peerPort } = draft.subject;
  const terms: string[] = [];
  if (host !== undefined) terms.push(address(host));
  if (peer !== undefined) terms.push(address(peer));
  const service = port ?? peerPort;
  if (service !== undefined) terms.push(`tcp.port==${service}`);
  const ids = draft.connections.slice(0, MAX_PORTS);
  if (ids.length > 0 && draft.connections.length <= MAX_PORTS) {
    const clients = Array.from(ids, (id) => capture.connection(id));
    const ports = [...new Set(clients.map((c) => c.client.port))].sort((a, b) => a - b);
    // A finding about the capture names no host: the two of its connections, where there are only two.
    if (terms.length === 0) {
      const hosts = [...new Set(clients.flatMap((c) => [c.client.ip, c.server.ip]))];
      if (hosts.length === 2) terms.push(...hosts.map(address));
    }
    const withPorts = [...terms, ports.length === 1 ? `tcp.port==${ports[0]!}` : `tcp.port in {${ports.join(',')}}`].join(' && ');
    if (withPorts.length <= MAX_LENGTH) return withPorts;
  }
  if (terms.length > 0) return terms.join(' && ');
  const frames = draft.evidence.map((e) => e.frame).slice(0, MAX_PORTS);
  return frames.length > 0 ? `frame.number in {${frames.join(',')}}` : 'tcp';
}
