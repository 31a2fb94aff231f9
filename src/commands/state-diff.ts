/** `states --diff FILE`: what the capture tells of the sockets of a host beside what ss listed there. */
import { readFileSync, statSync } from 'node:fs';
import type { Analysis } from '../engine/analysis.ts';
import { endpointText } from '../model/address.ts';
import type { TimeArgument } from '../model/clock.ts';
import { UsageError } from '../model/errors.ts';
import type { SocketDiffRow, SocketRow } from '../model/report.ts';
import { sanitise } from '../model/sanitise.ts';
import { plural } from '../model/wording.ts';
import { reason } from '../engine/new-file.ts';
import { parseSs, type SsSocket, type SsText } from './ss-text.ts';

/** Octets of a list of a million sockets, with processes. */
const LARGEST = 512 * 1024 * 1024;

export function readSs(path: string): SsText {
  try {
    if (statSync(path).size > LARGEST) throw new UsageError(`"${sanitise(path, 200)}" is too large for a list of sockets.`);
    const read = parseSs(readFileSync(path, 'utf8'));
    if (read.sockets.length > 0 || read.unread === 0) return read;
    throw new UsageError(`"${sanitise(path, 200)}" is not what ss -tan prints: "${sanitise(read.firstUnread ?? '', 80)}".`, {
      hint: 'ss -tan > FILE writes it; -n matters, for names of ports are not read.',
    });
  } catch (error) {
    if (error instanceof UsageError) throw error;
    const why = (error as NodeJS.ErrnoException).code === 'ENOENT' ? 'there is no such file' : reason(error as NodeJS.ErrnoException);
    throw new UsageError(`cannot read "${sanitise(path, 200)}": ${why}.`, { cause: error });
  }
}

export interface SocketDiff {
  readonly rows: readonly SocketDiffRow[];
  /** A socket that both know is in another state, or ss does not have it. */
  readonly differs: boolean;
}

/**
 * Of the hosts whose sockets ss listed, or of `host` alone. What ss has and the capture has nothing of is told and is no difference: a
 * connection that was silent, or that a filter left out.
 * @throws UsageError where ss ran on a host that the capture does not have
 */
export function diffSockets(
  analysis: Analysis,
  { sockets: listed }: SsText,
  at: TimeArgument | undefined,
  host: string | undefined,
): SocketDiff {
  const there = new Map(listed.filter((s) => host === undefined || s.host === host).map((s) => [key(s), s]));
  const hosts = new Set(host === undefined ? listed.map((s) => s.host) : [host]);
  const known = new Map<string, number>();
  let seen = false;
  for (const { id, client, server } of analysis.connections()) {
    const [c, s] = [endpointText(client.ip, client.port), endpointText(server.ip, server.port)];
    known.set(`${c} ${s}`, id).set(`${s} ${c}`, id);
    seen ||= hosts.has(client.ip) || hosts.has(server.ip);
  }
  if (!seen && listed.length > 0) throw notHere(hosts);
  const rows: SocketDiffRow[] = [];
  let moment = analysis.report.capture.end ?? '';
  for (const socket of analysis.sockets(at)) {
    moment = socket.at;
    if (!hosts.has(socket.host)) continue;
    const other = there.get(key(socket));
    there.delete(key(socket));
    rows.push(rowOf(socket, other));
  }
  for (const socket of there.values()) rows.push(onlyThere(socket, moment, known.get(key(socket)) ?? null));
  return { rows, differs: rows.some(({ verdict }) => verdict === 'differs' || verdict === 'only-capture') };
}

const key = ({ local, remote }: Pick<SocketRow, 'local' | 'remote'>): string => `${local} ${remote}`;

function rowOf({ at, host, local, remote, state, since, basis, connection }: SocketRow, other: SsSocket | undefined): SocketDiffRow {
  const verdict = other === undefined ? 'only-capture' : other.state === state ? 'agrees' : 'differs';
  return { type: 'socket-diff', at, verdict, host, local, remote, ss: other?.state ?? null, capture: state, since, basis, connection };
}

/** One that the capture knows is closed there by now; of others it has nothing to say. */
function onlyThere({ host, local, remote, state }: SsSocket, at: string, connection: number | null): SocketDiffRow {
  const closed = connection !== null;
  return {
    type: 'socket-diff',
    at,
    verdict: closed ? 'differs' : 'only-ss',
    host,
    local,
    remote,
    ss: state,
    capture: closed ? 'CLOSED' : null,
    since: null,
    basis: null,
    connection,
  };
}

function notHere(hosts: ReadonlySet<string>): UsageError {
  const some = [...hosts].slice(0, 3).join(', ');
  return new UsageError(
    `no connection of the capture has an end at ${hosts.size === 1 ? 'the address' : `one of the ${plural(hosts.size, 'address', 'addresses')}`} of this list (${some}${hosts.size > 3 ? ', …' : ''}).`,
    { hint: 'behind an address translator a host has other addresses in the capture than it has itself.' },
  );
}
