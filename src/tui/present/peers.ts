/** The table of hosts and services: its columns, and what they count. */
import { PEER_GROUPS, type PeerGroup, type PeerRow, type PeerSort } from '../../engine/protocol.ts';
import { SS_NAMES, STATE_NAMES, type StateName } from '../../model/state.ts';
import { type Column, endpointColumn, fitting, nameColumn } from './columns.ts';
import { bytes, count } from './format.ts';
import { fitLine, type Line, span, stateStyle } from './line.ts';

type PeerColumn = Column<PeerRow, PeerSort>;

const ssName = (state: StateName): string => SS_NAMES[STATE_NAMES.indexOf(state)] ?? state;
const some = (n: number): string => (n === 0 ? '–' : count(n));
const clientText = (row: PeerRow): string => (row.clients === undefined ? (row.client ?? '') : `${count(row.clients)} clients, 1 each`);

function columnsOf(group: PeerGroup, states: readonly StateName[]): readonly PeerColumn[] {
  const client: PeerColumn = endpointColumn({
    title: group === 'hosts' ? 'HOST' : 'CLIENT',
    sort: 'client',
    text: clientText,
    style: (r) => (r.clients === undefined ? 'plain' : 'dim'),
    // Of a number of clients the number is kept.
    cutAt: (r) => (r.clients === undefined ? 'start' : 'end'),
  });
  const server: PeerColumn = endpointColumn({ title: 'SERVICE', sort: 'server', text: (r) => r.server ?? '' });
  return [
    ...(group === 'services' ? [] : [client]),
    ...(group === 'hosts' ? [] : [server]),
    { title: 'CONNS', width: 9, align: 'right', rank: 0, sort: 'connections', text: (r) => count(r.connections) },
    {
      title: 'TROUBLE',
      width: 9,
      align: 'right',
      rank: 1,
      sort: 'trouble',
      text: (r) => some(r.trouble),
      style: (r) => (r.trouble > 0 ? 'warning' : 'dim'),
    },
    ...states.map((state): PeerColumn => {
      const n = (r: PeerRow): number => r.states[state] ?? 0;
      return {
        title: ssName(state),
        width: Math.max(7, ssName(state).length + 1),
        align: 'right',
        // What is stuck or half open tells more than what has been closed.
        rank: state === 'CLOSE_WAIT' ? 2 : state === 'SYN_RCVD' || state === 'SYN_SENT' ? 3 : state === 'ESTABLISHED' ? 4 : 6,
        sort: state,
        text: (r) => some(n(r)),
        style: (r) => (n(r) > 0 ? stateStyle(state) : 'dim'),
      };
    }),
    { title: 'PACKETS', width: 9, align: 'right', rank: 8, sort: 'packets', text: (r) => count(r.packets) },
    { title: 'BYTES', width: 8, align: 'right', rank: 7, sort: 'bytes', text: (r) => bytes(r.bytes) },
    nameColumn(5, (r) => r.serverName ?? r.clientName ?? ''),
  ];
}

/** Those that fit. @param named has any row a name? */
export const peerColumns = (group: PeerGroup, states: readonly StateName[], named: boolean, width: number): readonly PeerColumn[] =>
  fitting(
    columnsOf(group, states).filter((column) => named || column.title !== 'NAME'),
    width,
  );

const GROUP_NAMES: Readonly<Record<PeerGroup, string>> = { pairs: 'clients and services', services: 'services', hosts: 'hosts' };
const COUNTED: Readonly<Record<PeerGroup, string>> = {
  pairs: 'sockets of both ends',
  services: 'sockets of the server',
  hosts: 'sockets of the host',
};

/** The groupings, and what the columns of states count. */
export function groupsLine(group: PeerGroup, width: number): Line {
  return fitLine(
    [
      ...PEER_GROUPS.map((name) =>
        span(name === group ? ` [${GROUP_NAMES[name]}]` : `  ${GROUP_NAMES[name]} `, name === group ? 'bold' : 'dim'),
      ),
      span(`   states: ${COUNTED[group]} at the end`, 'dim'),
    ],
    width,
  );
}
