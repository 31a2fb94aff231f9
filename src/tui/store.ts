/**
 * The state of the screen, and what changes it from outside: snapshots, answers, the size of the terminal.
 * What keys do is in commands.ts. React reads the state through `useSyncExternalStore`.
 */
import type { QuestionName, Questions, Session } from '../engine/protocol.ts';
import { chooseByKey } from './commands.ts';
import { runCommand } from './dispatch.ts';
import { type Command, commandFor, type Context, KEYMAP, keyCap, type KeyRow } from './keymap.ts';
import type { Key } from './keys.ts';
import {
  type ConnectionsView,
  type ExplainView,
  heightOf,
  isWaiting,
  itemsOf,
  type LadderView,
  type Loaded,
  type PacketView,
  selectedFinding,
  type Settings,
  settled,
  shownFindings,
  topView,
  type TuiState,
  type View,
} from './navigation.ts';
import { newsOf, pastAfter } from './news.ts';
import { ConnectionPages } from './pages.ts';
import type { Size } from './present/layout.ts';
import { packetTree } from './present/packet.ts';
import { clean } from './present/text.ts';
import { requeryPeers } from './peers-view.ts';
import { PreviewLoader } from './preview.ts';
import { refreshTime } from './time-view.ts';
import { clicked } from './mouse.ts';
import { type Purpose, remembered } from './prompt.ts';
import { typeInto } from './prompting.ts';

/** What only the owner of the terminal can do. */
export interface TerminalEffects {
  quit(): void;
  suspend(): void;
  redraw(): void;
  /** To the clipboard of whoever looks at the terminal; false: too much for it. */
  copy(text: string): boolean;
  /** Is there a file of this name? */
  exists(path: string): boolean;
  /** null, or what went wrong. */
  writeFile(path: string, text: string): string | null;
  /** Wheel and clicks, or text that can be selected. */
  mouse(on: boolean): void;
}

/** Commands that never wait for an answer, and with which the user takes back what was typed ahead. */
const IMMEDIATE: ReadonlySet<Command> = new Set<Command>(['back', 'quit', 'suspend', 'redraw', 'help', 'close-help']);
/** What is typed behind them is text. */
const OPENS_LINE: ReadonlySet<Command> = new Set<Command>(['filter', 'search', 'command-line']);
/** Longer numbers are no row's, digits. */
const COUNT_DIGITS = 9;
/** More was not typed on purpose, keys. */
const AHEAD_LIMIT = 100;

export interface StoreOptions {
  readonly size: Size;
  readonly effects: TerminalEffects;
  /** Runs the notification at most once per frame however often it is called. */
  readonly schedule: (notify: () => void) => void;
  readonly settings?: Settings;
  readonly keymap?: readonly KeyRow[];
  /** Of the captures, as the user named them: for commands that are shown. */
  readonly paths?: readonly string[];
}

export class Store {
  readonly effects: TerminalEffects;
  readonly paths: readonly string[];
  #state: TuiState;
  readonly #session: Session;
  readonly #schedule: (notify: () => void) => void;
  readonly #ahead: Key[] = [];
  readonly #histories = new Map<Purpose, readonly string[]>();
  readonly #preview = new PreviewLoader(this);
  readonly #listeners = new Set<() => void>();
  readonly #unsubscribe: () => void;

  constructor(session: Session, options: StoreOptions) {
    this.#session = session;
    this.effects = options.effects;
    this.paths = options.paths ?? [];
    this.#schedule = options.schedule;
    this.#state = {
      snapshot: session.snapshot(),
      past: [],
      rules: null,
      size: options.size,
      views: [{ kind: 'findings', cursor: 0, top: 0, key: null, filter: '', paneTop: 0 }],
      prompt: null,
      search: '',
      found: null,
      menu: null,
      writing: null,
      count: '',
      frozen: false,
      marks: new Map(),
      settings: options.settings ?? { color: true, ascii: false, mouse: false },
      keymap: options.keymap ?? KEYMAP,
      preview: null,
      help: null,
      untouched: true,
      notice: null,
    };
    this.#unsubscribe = session.subscribe(() => this.#onSnapshot());
    session.done.then(
      (report) => this.update({ rules: report.rules }),
      () => undefined, // the snapshot says why
    );
    this.update({});
  }

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };
  readonly state = (): TuiState => this.#state;

  close(): void {
    this.#unsubscribe();
    this.#listeners.clear();
  }

  resize(size: Size): void {
    this.update({ size });
  }

  /** Now, or as soon as the answer is here that it needs: who knows the way types ahead. */
  press(key: Key): void {
    if (this.#state.notice !== null || this.#state.untouched) this.update({ notice: null, untouched: false });
    if (this.#takesBack(key)) this.#ahead.length = 0;
    else if (this.#ahead.length > 0 || this.#mustWait(key)) {
      if (this.#ahead.length < AHEAD_LIMIT) this.#ahead.push(key);
      return;
    }
    this.#perform(key);
  }

  #perform(key: Key): void {
    const context = contextOf(this.#state);
    if (key.kind === 'click') clicked(this, key);
    else if (key.kind === 'paste') {
      if (context === 'typing') typeInto(this, clean(key.text.replace(/\s+/g, ' ')));
    } else {
      const command = this.#commandOf(key);
      if (command !== undefined) this.#run(command);
      else if (context === 'typing' && Array.from(key.name).length === 1) typeInto(this, clean(key.name));
      else if (context === 'menu') chooseByKey(this, key.name);
      else if (context === 'help') return;
      else if (/^\d$/.test(key.name)) this.#digit(key.name);
      else if (Array.from(key.name).length === 1)
        this.say(`${clean(key.name)} means nothing here; ${keyCap(this.#keyOf('help'))} lists the keys of this screen.`);
    }
  }

  #keyOf(command: Command): string {
    return this.#state.keymap.find((row) => row.command === command)?.keys[0] ?? '';
  }

  /** Before a movement: `12G` goes to row 12, `5j` five rows down. */
  #digit(digit: string): void {
    this.update({ count: (this.#state.count + digit).replace(/^0+/, '').slice(0, COUNT_DIGITS) });
  }

  #run(command: Command): void {
    const { count } = this.#state;
    if (count !== '') this.update({ count: '' });
    runCommand(this, command, count === '' ? null : Number(count));
  }

  #commandOf(key: Key): Command | undefined {
    return key.kind === 'key' ? commandFor(key.name, contextOf(this.#state), this.#state.keymap) : undefined;
  }

  #takesBack(key: Key): boolean {
    const command = this.#commandOf(key);
    if (command === undefined || !IMMEDIATE.has(command)) return false;
    // Behind a `/` that waits, letters are what will be typed there.
    const willType = this.#ahead.some((other) => OPENS_LINE.has(this.#commandOf(other) ?? 'quit'));
    return !willType || (key.kind === 'key' && key.name.length > 1);
  }

  #mustWait(key: Key): boolean {
    const { prompt } = this.#state;
    const view = topView(this.#state);
    const command = this.#commandOf(key);
    // What was typed may concern rows that are not there yet; a filter asks for them.
    if (prompt !== null) return command === 'accept' && prompt.purpose !== 'filter' && isWaiting(view, false);
    if (contextOf(this.#state) !== view.kind || (command === undefined ? key.kind !== 'click' : OPENS_LINE.has(command))) return false;
    return isWaiting(view, command === 'open');
  }

  /** An answer came. */
  #goOn(): void {
    for (let next = this.#ahead[0]; next !== undefined && !this.#mustWait(next); next = this.#ahead[0]) {
      this.#ahead.shift();
      this.#perform(next);
    }
  }

  // --- for commands

  /** Lines typed for that purpose, newest last. */
  history(purpose: Purpose): readonly string[] {
    return this.#histories.get(purpose) ?? [];
  }

  remember(purpose: Purpose, line: string): void {
    this.#histories.set(purpose, remembered(this.history(purpose), line));
  }

  update(change: Partial<TuiState>): void {
    const next = { ...this.#state, ...change };
    this.#state = { ...next, views: next.views.map((view) => this.#settle(view, next)) };
    this.#preview.look();
    this.#schedule(() => {
      for (const listener of this.#listeners) listener();
    });
  }

  /** One sentence in the last row. */
  say(notice: string): void {
    this.update({ notice });
  }

  push(view: View): void {
    this.update({ views: [...this.#state.views, view] });
    if (view.kind === 'ladder' || view.kind === 'packet' || view.kind === 'explain') this.#load(view);
  }

  ask<Q extends QuestionName>(question: Q, ask: Questions[Q]['ask']): Promise<Questions[Q]['answer']> {
    return this.#session.ask(question, ask);
  }

  replace(view: View): void {
    this.update({ views: [...this.#state.views.slice(0, -1), view] });
  }

  /** @param filter an expression of the filter language that has no mistake */
  pushConnections(finding: string | null, filter = ''): void {
    const query = { finding, where: filter, sort: 'id', descending: false } as const;
    const pages: ConnectionPages = new ConnectionPages(
      (question, ask) => this.#session.ask(question, ask),
      query,
      () => this.#onPages(pages),
    );
    this.push({ kind: 'connections', finding, key: null, filter, sort: 'id', descending: false, cursor: 0, top: 0, pages });
  }

  filter(): string {
    const view = topView(this.#state);
    return 'filter' in view ? view.filter : '';
  }

  setFilter(filter: string): void {
    const view = topView(this.#state);
    if (!('filter' in view) || view.filter === filter) return;
    if (view.kind === 'connections') this.requery({ ...view, filter });
    else if (view.kind === 'peers') requeryPeers(this, { ...view, filter });
    else if (view.kind === 'findings') this.replace({ ...view, filter, cursor: findingAt(this.#state, filter, view.key), paneTop: 0 });
    else this.replace({ ...view, filter, cursor: 0 });
  }

  /** An answer came: every screen that it is for takes it. */
  change(change: (view: View) => View): void {
    this.update({ views: this.#state.views.map(change) });
    this.#goOn();
  }

  /** Of a long connection the segments around a frame, on which the cursor will be. */
  loadAround(view: LadderView, frame: number): void {
    const next = { ...view, around: frame, jump: frame, filter: '' };
    this.replace(next);
    this.#load(next);
  }

  /** The frame that is wanted may be among those that were left out of a long connection. */
  #seek(): void {
    const view = topView(this.#state);
    if (view.kind === 'ladder' && typeof view.jump === 'number' && view.data.value !== null) this.loadAround(view, view.jump);
  }

  /** Another filter or order: from the top, because the rows are others. */
  requery(view: ConnectionsView): void {
    view.pages.setQuery({ finding: view.finding, where: view.filter, sort: view.sort, descending: view.descending });
    this.replace({ ...view, cursor: 0, top: 0, key: null });
  }

  set(settings: Partial<Settings>): void {
    this.update({ settings: { ...this.#state.settings, ...settings } });
    if (settings.mouse !== undefined) this.effects.mouse(settings.mouse);
  }

  freeze(frozen: boolean): void {
    this.update({ frozen });
    if (!frozen) this.#onSnapshot();
  }

  // --- what happens from outside

  #onSnapshot(): void {
    if (this.#state.frozen) return;
    const before = this.#state.snapshot;
    const snapshot = this.#session.snapshot();
    // A ladder is read again once, at the end: its rows were those of a connection that was still going on.
    const ended = before.progress.phase === 'reading' && snapshot.progress.phase === 'done';
    const past = pastAfter(this.#state.past, before, snapshot);
    const views = this.#state.views.map((view): View => {
      if (view.kind === 'ladder' && ended) return rebound(view);
      if (view.kind === 'findings') {
        const at = shownFindings({ snapshot, past }, view.filter).findIndex((finding) => finding.id === view.key);
        return at >= 0 ? { ...view, cursor: at } : view;
      }
      if (view.kind === 'finding') {
        return { ...view, finding: snapshot.findings.find((finding) => finding.id === view.finding.id) ?? view.finding };
      }
      return view;
    });
    this.update({ snapshot, past, views });
    const news = newsOf(before, snapshot);
    // Not over what is being typed or chosen.
    if (news !== null && contextOf(this.#state) === topView(this.#state).kind) this.say(news);
    for (const view of views) {
      if (view.kind === 'connections') view.pages.refresh();
      if (view.kind === 'peers') view.pages.refresh();
      if (view.kind === 'time' && snapshot.series !== before.series) refreshTime(this, view);
      if (view.kind === 'ladder' && ended) this.#load(view);
    }
  }

  /** Pages came: the cursor stays on its connection if that is among them. */
  #onPages(pages: ConnectionPages): void {
    this.change((view) => {
      if (view.kind !== 'connections' || view.pages !== pages || view.key === null) return view;
      return { ...view, cursor: pages.indexOf(view.key) ?? view.cursor };
    });
  }

  #settle(view: View, state: TuiState): View {
    const out = settled(view, state);
    if (out.kind === 'findings') return out.key === null ? out : { ...out, key: selectedFinding(state, out)?.id ?? out.key };
    if (out.kind === 'peers') out.pages.look(out.top, heightOf(out, state));
    if (out.kind === 'time' && out.chart.value !== null) out.pages.look(out.top, heightOf(out, state));
    if (out.kind === 'connections') {
      out.pages.look(out.top, heightOf(out, state));
      return { ...out, key: out.pages.idAt(out.cursor) ?? out.key };
    }
    return out;
  }

  /** Asks for what the screen shows, and puts the answer into every screen that waits for it; by then there may be none. */
  #load(view: LadderView | PacketView | ExplainView): void {
    switch (view.kind) {
      case 'ladder':
        this.#answer(this.#session.ask('ladder', { connection: view.connection, around: view.around ?? undefined }), (data) => {
          this.change((v) =>
            v.kind === 'ladder' && v.connection === view.connection && v.around === view.around
              ? onFrame({ ...v, data: kept(v.data, data) }, v.data.value === null)
              : v,
          );
          this.#seek();
        });
        break;
      case 'packet':
        this.#answer(this.#session.ask('packet', { frame: view.frame }), (data) =>
          this.change((v) => (v.kind === 'packet' && v.frame === view.frame ? onTransport({ ...v, data }) : v)),
        );
        break;
      case 'explain':
        this.#answer(this.#session.ask('explain', { rule: view.rule }), (data) =>
          this.change((v) => (v.kind === 'explain' && v.rule === view.rule ? { ...v, data } : v)),
        );
    }
  }

  #answer<T>(answer: Promise<T>, arrive: (data: Loaded<T>) => void): void {
    answer.then(
      (value) => arrive({ value, error: null }),
      (error: unknown) => arrive({ value: null, error: error instanceof Error ? error.message : String(error) }),
    );
  }
}

export function contextOf(state: TuiState): Context {
  if (state.prompt !== null) return 'typing';
  if (state.menu !== null) return 'menu';
  return state.help === null ? topView(state).kind : 'help';
}

/** Where a finding stands in the filtered list; the first row when it is not there. */
const findingAt = (state: TuiState, filter: string, id: string | null): number =>
  Math.max(
    0,
    shownFindings(state, filter).findIndex((finding) => finding.id === id),
  );

/** A second answer that failed does not take away the first. */
const kept = <T>(before: Loaded<T>, now: Loaded<T>): Loaded<T> => (now.value === null && before.value !== null ? before : now);

/** The cursor on the frame that was asked for, or on the first that proves the finding. */
function onFrame(view: LadderView, isNew: boolean): LadderView {
  if (view.data.value === null) return view;
  const proof = isNew ? view.data.value.evidence.find((evidence) => evidence.finding === view.finding)?.frame : undefined;
  const frame = view.jump ?? proof;
  const items = itemsOf(view);
  const at =
    typeof frame === 'string'
      ? items.findLastIndex((item) => item.kind === 'row' && item.row.time <= frame)
      : items.findIndex((item) => item.kind === 'row' && item.row.frame === frame);
  const { omitted, omittedAfter = 0 } = view.data.value;
  const isLeftOut = at < 0 && typeof frame === 'number' && omitted + omittedAfter > 0 && view.around !== frame;
  return { ...view, jump: isLeftOut ? frame : null, cursor: at >= 0 ? at : view.cursor };
}

/** A packet is opened for its TCP header: the cursor starts there, and the outer layers are above. */
function onTransport(view: PacketView): PacketView {
  const at =
    view.data.value === null
      ? -1
      : packetTree(view.data.value, view.closed).findIndex((row) => row.layer && /^(TCP|Transmission)/.test(row.name));
  return at < 0 ? view : { ...view, cursor: at, top: at };
}

/** A ladder about to be read again, its cursor bound to the frame on which it is. */
function rebound(view: LadderView): LadderView {
  const item = itemsOf(view)[view.cursor];
  return item?.kind === 'row' && item.row.frame !== null ? { ...view, jump: item.row.frame } : view;
}
