/** The incident of fake-session.ts over time: the leak grows by one connection every eight seconds. */
import type { Moment, PeerRow, Questions, SocketPage, StateChart } from '../../src/engine/protocol.ts';
import { LEAKED, timeAt } from './fake-session.ts';

const SECOND = 1e9;
const DURATION = 321.4;
const EVERY = 4;
const MOMENTS = Math.floor(DURATION / EVERY) + 1;
const leakedAt = (seconds: number): number => Math.min(LEAKED, Math.floor(seconds / 8));

export const fakeChart = (): StateChart => ({
  origin: { seconds: Date.UTC(2026, 10, 20, 8, 33, 0) / 1000, nanos: 0 },
  first: 0,
  last: DURATION * SECOND,
  every: EVERY * SECOND,
  moments: MOMENTS,
  states: [
    { state: 'ESTABLISHED', sockets: Array.from({ length: MOMENTS }, (_, i) => 10 - (i % 3)) },
    { state: 'CLOSE_WAIT', sockets: Array.from({ length: MOMENTS }, (_, i) => leakedAt(i * EVERY)) },
  ],
});

export function fakeSockets(ask: Questions['sockets']['ask'], connections: number): SocketPage {
  const total = Math.min(connections, leakedAt(ask.at / SECOND));
  return {
    total,
    rows: Array.from({ length: Math.max(0, Math.min(ask.limit, total - ask.offset)) }, (_, i) => ({
      type: 'socket',
      at: timeAt(ask.at / SECOND),
      host: '10.0.0.1',
      local: `10.0.0.1:${String(1024 + (ask.offset + i) * 2)}`,
      remote: '10.0.0.9:3306',
      state: 'CLOSE_WAIT',
      since: timeAt((ask.offset + i + 1) * 8),
      basis: 'handshake',
      connection: ask.offset + i,
      remoteName: 'db.example',
    })),
    at: ask.connection !== null && ask.connection < total ? ask.connection : null,
    counts: total === 0 ? {} : { CLOSE_WAIT: total },
    hosts: total === 0 ? [] : [{ host: '10.0.0.1', sockets: total }],
  };
}

/** Every eight seconds a server's FIN comes. */
export function fakeMoment(ask: Questions['moment']['ask']): Moment | null {
  const at = ask.step > 0 ? Math.floor(ask.from / SECOND / 8) * 8 + 8 : Math.ceil(ask.from / SECOND / 8) * 8 - 8;
  if (at < 8 || at > LEAKED * 8) return null;
  const connection = at / 8 - 1;
  return {
    offset: at * SECOND,
    events: [
      {
        connection,
        local: `10.0.0.1:${String(1024 + connection * 2)}`,
        remote: '10.0.0.9:3306',
        from: 'ESTABLISHED',
        to: 'CLOSE_WAIT',
        cause: 'FIN of the server',
        frame: 400 + connection,
      },
    ],
  };
}

export function fakePeers(ask: Questions['peers']['ask']): Questions['peers']['answer'] {
  const leak: PeerRow = {
    client: ask.group === 'services' ? null : '10.0.0.1',
    server: ask.group === 'hosts' ? null : '10.0.0.9:3306',
    serverName: 'db.example',
    connections: LEAKED,
    trouble: LEAKED,
    packets: LEAKED * 9,
    bytes: LEAKED * 734,
    states: { CLOSE_WAIT: LEAKED },
  };
  const flood: PeerRow = {
    client: null,
    clients: 10,
    server: '10.0.0.20:443',
    connections: 10,
    trouble: 10,
    packets: 40,
    bytes: 0,
    states: { SYN_RCVD: 10 },
  };
  const rows = [leak, flood].filter((row) => ask.match === '' || row.server?.includes(ask.match) === true);
  if (ask.descending !== (ask.sort === 'connections')) rows.reverse();
  return { total: rows.length, rows: rows.slice(ask.offset, ask.offset + ask.limit), states: ['SYN_RCVD', 'CLOSE_WAIT'] };
}
