/** Hosts and services: who talks to whom, in three groupings, sorted by any column; from a row to its connections. */
import { PEER_GROUPS, type PeerGroup, type PeerRow, type PeerSort, type Questions } from '../engine/protocol.ts';
import type { StateName } from '../model/state.ts';
import { Pages } from './pages.ts';
import type { Store } from './store.ts';

interface PeerQuery {
  readonly group: PeerGroup;
  readonly match: string;
  readonly sort: PeerSort;
  readonly descending: boolean;
}
export type PeerPages = Pages<PeerQuery, PeerRow, Questions['peers']['answer']>;

export interface PeersView {
  readonly kind: 'peers';
  readonly cursor: number;
  readonly top: number;
  readonly group: PeerGroup;
  readonly filter: string;
  readonly sort: PeerSort;
  readonly descending: boolean;
  readonly pages: PeerPages;
}

const queryOf = ({ group, filter, sort, descending }: Pick<PeersView, 'group' | 'filter' | 'sort' | 'descending'>): PeerQuery => ({
  group,
  match: filter,
  sort,
  descending,
});

export function openPeers(store: Store): void {
  const asked = { group: 'pairs', filter: '', sort: 'connections', descending: true } as const;
  const pages: PeerPages = new Pages<PeerQuery, PeerRow, Questions['peers']['answer']>(
    (query, offset, limit) => store.ask('peers', { ...query, offset, limit }),
    // A row has no number of its own; the cursor stays where it is.
    () => -1,
    queryOf(asked),
    () => store.change((view) => view),
  );
  store.push({ kind: 'peers', cursor: 0, top: 0, ...asked, pages });
}

/** Another grouping, filter or order: from the top, because the rows are others. */
export function requeryPeers(store: Store, view: PeersView): void {
  view.pages.setQuery(queryOf(view));
  store.replace({ ...view, cursor: 0, top: 0 });
}

export function nextGroup(store: Store, view: PeersView, direction: 1 | -1): void {
  const at = PEER_GROUPS.indexOf(view.group) + direction + PEER_GROUPS.length;
  const group = PEER_GROUPS[at % PEER_GROUPS.length]!;
  const sort =
    (group === 'services' && view.sort === 'client') || (group === 'hosts' && view.sort === 'server') ? 'connections' : view.sort;
  requeryPeers(store, { ...view, group, sort });
}

/** In the order of the columns; a grouping has only some of them. */
export function peerSorts(view: PeersView, states: readonly StateName[]): readonly PeerSort[] {
  const ends: readonly PeerSort[] = view.group === 'pairs' ? ['client', 'server'] : view.group === 'services' ? ['server'] : ['client'];
  return [...ends, 'connections', 'trouble', ...states, 'packets', 'bytes'];
}

/** Numbers begin with the largest, names with the first. */
export function sortPeers(store: Store, view: PeersView): void {
  const sorts = peerSorts(view, view.pages.answer?.states ?? []);
  const sort = sorts[(sorts.indexOf(view.sort) + 1) % sorts.length]!;
  requeryPeers(store, { ...view, sort, descending: sort !== 'client' && sort !== 'server' });
}

/** The connections of a row, in the filter language. */
export function connectionsOf(row: PeerRow): string {
  const terms: string[] = [];
  // A host's row counts the connections of either end.
  if (row.client !== null) terms.push(`${row.server === null ? 'ip' : 'client.ip'}:${row.client}`);
  const server = row.server === null ? null : /^\[?(.*?)\]?:(\d+)$/.exec(row.server);
  if (server) terms.push(`server.ip:${server[1]!}`, `server.port:${server[2]!}`);
  return terms.join(' ');
}
