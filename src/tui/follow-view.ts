/** What the two ends of a connection said: a window of their conversation, and how one moves in it. */
import type { Conversation } from '../engine/protocol.ts';
import { openPacket } from './commands.ts';
import type { Command } from './keymap.ts';
import { type Loaded, topView, type TuiState, WAITING } from './navigation.ts';
import { type FollowLine, followLines, type Speakers } from './present/follow.ts';
import { drawnWidth } from './present/layout.ts';
import type { Store } from './store.ts';

export interface FollowView {
  readonly kind: 'follow';
  readonly connection: number;
  readonly cursor: number;
  readonly top: number;
  readonly hex: boolean;
  readonly speakers: Speakers;
  /** Octets of the conversation before the window. */
  readonly skip: number;
  /** Where the windows before this one began. */
  readonly before: readonly number[];
  readonly data: Loaded<Conversation>;
}

export function openFollow(store: Store, connection: number): void {
  const view: FollowView = {
    kind: 'follow',
    connection,
    cursor: 0,
    top: 0,
    hex: false,
    speakers: 'both',
    skip: 0,
    before: [],
    data: WAITING,
  };
  store.push(view);
  load(store, view);
}

function load(store: Store, { connection, skip }: FollowView): void {
  const arrive = (data: Loaded<Conversation>): void =>
    store.change((view) => (view.kind === 'follow' && view.connection === connection && view.skip === skip ? { ...view, data } : view));
  store.ask('follow', { connection, skip }).then(
    (value) => arrive({ value, error: null }),
    (error: unknown) => arrive({ value: null, error: error instanceof Error ? error.message : String(error) }),
  );
}

const cache = new WeakMap<Conversation, { readonly key: string; readonly lines: readonly FollowLine[] }>();
export function linesOfFollow(view: FollowView, state: TuiState): readonly FollowLine[] {
  const conversation = view.data.value;
  if (conversation === null) return [];
  const options = { hex: view.hex, speakers: view.speakers, width: drawnWidth(state.size) };
  const key = JSON.stringify(options);
  const kept = cache.get(conversation);
  if (kept?.key === key) return kept.lines;
  const lines = followLines(conversation, options);
  cache.set(conversation, { key, lines });
  return lines;
}

const FOLLOW_COMMANDS: Readonly<Partial<Record<Command, (store: Store, view: FollowView) => void>>> = {
  'toggle-hex': (store, view) => store.replace({ ...view, hex: !view.hex, ...sameTurn(store, view, { hex: !view.hex }) }),
  'next-speaker': (store, view) => {
    const order: readonly Speakers[] = ['both', 'client', 'server'];
    store.replace({ ...view, speakers: order[(order.indexOf(view.speakers) + 1) % order.length]!, cursor: 0 });
  },
  further: (store, view) => {
    const conversation = view.data.value;
    if (conversation?.more !== true) store.say('The conversation ends here.');
    else show(store, { ...view, skip: view.skip + conversation.shown, before: [...view.before, view.skip] });
  },
  'less-far': (store, view) => {
    const skip = view.before.at(-1);
    if (skip === undefined) store.say('The conversation begins here.');
    else show(store, { ...view, skip, before: view.before.slice(0, -1) });
  },
  open: (store, view) => {
    const frame = linesOfFollow(view, store.state())[view.cursor]?.frame ?? null;
    if (frame !== null) openPacket(store, frame);
  },
};

function show(store: Store, view: FollowView): void {
  const next: FollowView = { ...view, cursor: 0, top: 0, data: WAITING };
  store.replace(next);
  load(store, next);
}

/** The cursor on the turn on which it is. */
function sameTurn(store: Store, view: FollowView, change: Partial<FollowView>): Pick<FollowView, 'cursor'> {
  const frame = linesOfFollow(view, store.state())[view.cursor]?.frame ?? null;
  const at = linesOfFollow({ ...view, ...change }, store.state()).findIndex((line) => line.frame === frame);
  return { cursor: Math.max(0, at) };
}

/** True: it was a command of this screen, which is on top. */
export function runFollowCommand(store: Store, command: Command): boolean {
  const view = topView(store.state());
  const run = view.kind === 'follow' ? FOLLOW_COMMANDS[command] : undefined;
  if (view.kind !== 'follow' || run === undefined) return false;
  run(store, view);
  return true;
}
