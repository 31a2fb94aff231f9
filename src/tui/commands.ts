/** What each command of the key table does, as changes to the store. */
import { CONNECTION_SORTS } from '../engine/protocol.ts';
import type { Finding } from '../model/finding.ts';
import type { Command } from './keymap.ts';
import {
  allFindings,
  DETAIL_MARGIN,
  detailOf,
  findingsLayoutOf,
  itemsOf,
  lengthOf,
  overSince,
  selectedFinding,
  topView,
  type TuiState,
  WAITING,
} from './navigation.ts';
import { drawnWidth } from './present/layout.ts';
import { isMarked } from './present/ladder.ts';
import { packetTree } from './present/packet.ts';
import { copiesOf } from './copies.ts';
import { openFollow } from './follow-view.ts';
import type { Menu, MenuItem } from './menu.ts';
import { connectionsOf, nextGroup, openPeers, type PeersView, requeryPeers, sortPeers } from './peers-view.ts';
import type { Store } from './store.ts';
import { answerReplace, chooseDocument, openWriteMenu } from './writing.ts';
import { onTimeCursor, openTime } from './time-view.ts';

const NO_FINDING = 'There is no finding here.';

/** Rows are counted from 1. */
export function goToRow(store: Store, row: number): void {
  move(store, row - 1 - topView(store.state()).cursor);
}

/** Everything but movement and typing. */
export const ACTIONS: Readonly<Partial<Record<Command, (store: Store) => void>>> = {
  open,
  back,
  details: (store) => withFinding(store, (finding) => openDetails(store, finding)),
  connections: (store) => store.pushConnections(null),
  evidence,
  explain,
  'pane-down': (store) => movePane(store, 1),
  'pane-up': (store) => movePane(store, -1),
  'clear-filter': (store) => store.setFilter(''),
  follow,
  write: (store) => openWriteMenu(store),
  copy: (store) => openMenu(store, 'copy', 'Copy', copiesOf(store.state(), store.paths)),
  choose,
  'close-menu': (store) => store.update({ menu: null }),
  mark,
  freeze: (store) => store.freeze(!store.state().frozen),
  sort,
  reverse,
  fold: (store) => fold(store, false),
  'fold-all': (store) => fold(store, true),
  'next-mark': (store) => toMark(store, 1),
  'previous-mark': (store) => toMark(store, -1),
  'next-frame': (store) => stepFrame(store, 1),
  'previous-frame': (store) => stepFrame(store, -1),
  capture: openCapture,
  peers: openPeers,
  'next-group': (store) => withPeers(store, (view) => nextGroup(store, view, 1)),
  'previous-group': (store) => withPeers(store, (view) => nextGroup(store, view, -1)),
  'time-machine': timeMachine,
  help: (store) => store.update({ help: 0 }),
  'close-help': (store) => store.update({ help: null }),
  redraw: (store) => store.effects.redraw(),
  suspend: (store) => store.effects.suspend(),
  quit: (store) => store.effects.quit(),
};

export function move(store: Store, step: number): void {
  const state = store.state();
  const view = topView(state);
  const cursor = Math.max(0, Math.min(view.cursor + step, lengthOf(view, state) - 1));
  if (view.kind === 'connections') store.replace({ ...view, cursor, key: view.pages.idAt(cursor) ?? null });
  else if (view.kind === 'findings')
    store.replace({ ...view, cursor, key: selectedFinding(state, { ...view, cursor })?.id ?? null, paneTop: 0 });
  else if (view.kind === 'time') store.replace(onTimeCursor(view, cursor));
  else store.replace({ ...view, cursor });
}

function movePane(store: Store, direction: 1 | -1): void {
  withFinding(store, (finding) => {
    const state = store.state();
    const view = topView(state);
    if (view.kind !== 'findings') return;
    const layout = findingsLayoutOf(state);
    const lines = detailOf(finding, state, layout.detailWidth).length;
    const step = direction * Math.max(1, Math.floor(layout.detailRows / 2));
    store.replace({ ...view, paneTop: Math.max(0, Math.min(view.paneTop + step, lines - layout.detailRows)) });
  });
}

export function openCapture(store: Store): void {
  store.push({ kind: 'capture', cursor: 0, top: 0 });
}

function open(store: Store): void {
  const state = store.state();
  const view = topView(state);
  if (view.kind === 'findings') {
    const beside = findingsLayoutOf(state).details !== 'none';
    // Where nothing was found, what there is to see are the connections.
    if (allFindings(state).length === 0) store.pushConnections(null);
    else
      withFinding(store, (finding) => {
        // Whoever has read the details beside the list goes on; who could not, reads them first.
        if (beside && hasConnections(state, finding)) store.pushConnections(finding.id);
        else openDetails(store, finding);
      });
  } else if (view.kind === 'finding') {
    if (hasConnections(state, view.finding)) store.pushConnections(view.finding.id);
    else if (overSince(state, view.finding) !== undefined) store.say('This is over, and no connection is so any more; e opens its frames.');
    else store.say('This finding is about the capture, not about single connections.');
  } else if (view.kind === 'connections') {
    const id = view.pages.idAt(view.cursor);
    if (id !== undefined) openLadder(store, id, null, view.finding);
  } else if (view.kind === 'peers') {
    const row = view.pages.row(view.cursor);
    if (row) store.pushConnections(null, connectionsOf(row));
    if (row?.clients !== undefined) store.say('All connections of this service, also of clients that have more than one.');
  } else if (view.kind === 'time') {
    const id = view.pages.idAt(view.cursor);
    const row = view.pages.row(view.cursor);
    if (id !== undefined && row) openLadder(store, id, row.at, null);
  } else if (view.kind === 'ladder') {
    const item = itemsOf(view)[view.cursor];
    if (item?.kind === 'row' && item.row.frame !== null) openPacket(store, item.row.frame);
    else if (item?.kind === 'omitted') store.loadAround(view, item.around);
    else if (item) store.say(item.kind === 'row' ? 'No packet shows this: a timer did it.' : 'No packet passed in this time.');
  }
}

/** Of what is over the session lists none any more. */
const hasConnections = (state: TuiState, finding: Finding): boolean =>
  finding.connections.length > 0 && overSince(state, finding) === undefined;

function follow(store: Store): void {
  const view = topView(store.state());
  const id = view.kind === 'ladder' ? view.connection : view.kind === 'connections' ? view.pages.idAt(view.cursor) : undefined;
  if (id !== undefined) openFollow(store, id);
}

/** Takes back the last thing done: first the filter, then the level. */
function back(store: Store): void {
  const { views } = store.state();
  if (store.filter() !== '') store.setFilter('');
  else if (views.length > 1) store.update({ views: views.slice(0, -1) });
}

const openDetails = (store: Store, finding: Finding): void => store.push({ kind: 'finding', finding, cursor: 0, top: 0 });
export const openLadder = (store: Store, connection: number, frame: number | string | null, finding: string | null): void =>
  store.push({ kind: 'ladder', connection, finding, filter: '', jump: frame, around: null, cursor: 0, top: 0, data: WAITING });
export const openPacket = (store: Store, frame: number, closed: ReadonlySet<number> = new Set()): void =>
  store.push({ kind: 'packet', frame, closed, cursor: 0, top: 0, data: WAITING });

function evidence(store: Store): void {
  const state = store.state();
  const view = topView(state);
  if (view.kind === 'findings') withFinding(store, (finding) => openEvidence(store, finding, 0));
  if (view.kind !== 'finding') return;
  const lines = detailOf(view.finding, state, drawnWidth(state.size) - DETAIL_MARGIN);
  openEvidence(store, view.finding, lines[view.cursor]?.evidence ?? 0);
}

function openEvidence(store: Store, finding: Finding, index: number): void {
  const proof = finding.evidence[index];
  if (!proof) store.say('This finding names no frame.');
  else if (proof.connection === null) openPacket(store, proof.frame);
  else openLadder(store, proof.connection, proof.frame, finding.id);
}

/** At the moment when the finding began, the connection was opened, or the segment passed. */
function timeMachine(store: Store): void {
  const view = topView(store.state());
  if (view.kind === 'ladder') {
    const item = itemsOf(view)[view.cursor];
    openTime(store, item?.kind === 'row' ? item.row.time : null, view.connection);
  } else if (view.kind === 'connections') {
    const row = view.pages.row(view.cursor);
    openTime(store, row ? `+${Math.max(0, row.startSeconds).toFixed(9)}` : null, row?.id ?? null);
  } else {
    const finding = findingOfScreen(store);
    openTime(store, finding?.since ?? null, finding?.evidence[0]?.connection ?? null);
  }
}

function explain(store: Store): void {
  const finding = findingOfScreen(store);
  if (finding) store.push({ kind: 'explain', rule: finding.rule, finding, cursor: 0, top: 0, data: WAITING });
  else store.say('There is no rule behind this list.');
}

export function findingOfScreen(store: Store): Finding | undefined {
  const state = store.state();
  const view = topView(state);
  if (view.kind === 'findings') return chosenFinding(store);
  if (view.kind === 'finding') return view.finding;
  return view.kind === 'connections' ? state.snapshot.findings.find((finding) => finding.id === view.finding) : undefined;
}

// --- menus

function openMenu(store: Store, kind: Menu['kind'], title: string, items: readonly MenuItem[]): void {
  if (items.length === 0) store.say('There is nothing here to copy.');
  else store.update({ menu: { kind, title, items, cursor: 0 } });
}

/** The letter before an entry does the entry. */
export function chooseByKey(store: Store, key: string): void {
  const { menu } = store.state();
  const at = menu?.items.findIndex((item) => item.key === key) ?? -1;
  if (menu === null || at < 0) return;
  store.update({ menu: { ...menu, cursor: at } });
  choose(store);
}

function choose(store: Store): void {
  const { menu } = store.state();
  const item = menu?.items[menu.cursor];
  if (menu === null || item === undefined) return;
  if (menu.kind === 'write') chooseDocument(store, item.key);
  else if (menu.kind === 'replace') answerReplace(store, item.key);
  else copyItem(store, item);
}

function copyItem(store: Store, item: MenuItem): void {
  // The menu stays, with the text in full: a terminal may refuse, and never says so.
  const copied = store.effects.copy(item.text);
  store.say(
    copied
      ? `Copied the ${item.label}, if this terminal takes OSC 52; otherwise select it above. Esc closes.`
      : `The ${item.label} is too long for a terminal's clipboard; :write puts it into a file.`,
  );
}

function mark(store: Store): void {
  const state = store.state();
  const finding = findingOfScreen(store);
  if (!finding) {
    store.say(NO_FINDING);
    return;
  }
  const marks = new Map(state.marks);
  const marked = marks.delete(finding.id);
  if (!marked) marks.set(finding.id, '');
  store.update({ marks });
  store.say(marked ? 'No longer marked.' : 'Marked for the report; :note TEXT adds a note, w writes what is marked.');
}

/** What is closed stays so in the packets that n and p go to: who reads one layer reads it in all of them. */
function fold(store: Store, all: boolean): void {
  const view = topView(store.state());
  if (view.kind !== 'packet' || view.data.value === null) return;
  const row = packetTree(view.data.value, view.closed)[view.cursor];
  if (row === undefined) return;
  const layers = all ? view.data.value.layers.map((_, index) => index) : [row.index];
  const closed = new Set(view.closed);
  const closes = !(all ? closed.size > 0 : closed.has(row.index));
  for (const layer of layers) {
    if (closes) closed.add(layer);
    else closed.delete(layer);
  }
  // The cursor stays on its layer, whose fields may be gone.
  const cursor = packetTree(view.data.value, closed).findIndex(({ layer, index }) => layer && index === row.index);
  store.replace({ ...view, closed, cursor });
}

/** To the neighbouring segment in the ladder below, whose cursor moves along. */
function stepFrame(store: Store, direction: 1 | -1): void {
  const { views } = store.state();
  const below = views.at(-2);
  const above = topView(store.state());
  if (below?.kind !== 'ladder') {
    store.say('This packet was opened without its connection.');
    return;
  }
  const items = itemsOf(below);
  for (let at = below.cursor + direction; at >= 0 && at < items.length; at += direction) {
    const item = items[at];
    if (item?.kind !== 'row' || item.row.frame === null) continue;
    store.update({ views: [...views.slice(0, -2), { ...below, cursor: at }] });
    openPacket(store, item.row.frame, above.kind === 'packet' ? above.closed : undefined);
    return;
  }
  store.say(direction > 0 ? 'This is the last segment of the connection.' : 'This is the first segment of the connection.');
}

/** To the next row that has a mark; those that a long ladder left out may have some. */
function toMark(store: Store, direction: 1 | -1): void {
  const view = topView(store.state());
  if (view.kind !== 'ladder' || view.data.value === null) return;
  const items = itemsOf(view);
  const proving = new Set(view.data.value.evidence.map(({ frame }) => frame));
  for (let at = view.cursor + direction; at >= 0 && at < items.length; at += direction) {
    const item = items[at]!;
    if (item.kind === 'omitted') store.say('Marked segments may be among those that were left out here.');
    else if (item.kind !== 'row' || !isMarked(item, proving)) continue;
    store.replace({ ...view, cursor: at });
    return;
  }
  store.say(direction > 0 ? 'No segment after this one has a mark.' : 'No segment before this one has a mark.');
}

function withPeers(store: Store, then: (view: PeersView) => void): void {
  const view = topView(store.state());
  if (view.kind === 'peers') then(view);
}

function sort(store: Store): void {
  const view = topView(store.state());
  if (view.kind === 'peers') sortPeers(store, view);
  if (view.kind !== 'connections') return;
  const next = CONNECTION_SORTS[(CONNECTION_SORTS.indexOf(view.sort) + 1) % CONNECTION_SORTS.length]!;
  store.requery({ ...view, sort: next, descending: false });
}

function reverse(store: Store): void {
  const view = topView(store.state());
  if (view.kind === 'connections') store.requery({ ...view, descending: !view.descending });
  else if (view.kind === 'peers') requeryPeers(store, { ...view, descending: !view.descending });
}

function withFinding(store: Store, then: (finding: Finding) => void): void {
  const finding = chosenFinding(store);
  if (finding) then(finding);
  else store.say(NO_FINDING);
}

/** The finding under the cursor, which from now on stays on it. */
function chosenFinding(store: Store): Finding | undefined {
  const state = store.state();
  const view = topView(state);
  if (view.kind !== 'findings') return undefined;
  const finding = selectedFinding(state, view);
  if (finding) store.replace({ ...view, key: finding.id });
  return finding;
}
