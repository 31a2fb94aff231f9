/** Files that the user asks for: which there can be, what they are called by default, and that none is replaced without a question. */
import type { Finding } from '../model/finding.ts';
import { sanitise } from '../model/sanitise.ts';
import { findingOfScreen } from './commands.ts';
import { markdownOf, markedAsMarkdown } from './markdown.ts';
import type { MenuItem } from './menu.ts';
import { topView, type TuiState } from './navigation.ts';
import { promptFor } from './prompt.ts';
import type { Store } from './store.ts';

/** What goes into the file. */
export type Document =
  | { readonly kind: 'view' }
  | { readonly kind: 'marked' }
  | { readonly kind: 'finding'; readonly finding: string }
  | { readonly kind: 'connection'; readonly connection: number };

/** A document for which a file name is being typed, or a question stands. */
export interface Writing {
  readonly document: Document;
  readonly path: string;
}

interface Choice extends MenuItem {
  readonly document: Document;
}

function choices(store: Store): Choice[] {
  const state = store.state();
  const view = topView(state);
  const finding = findingOfScreen(store);
  const connection = connectionOf(state);
  return [
    ...(finding !== undefined && finding.connections.length > 0
      ? [
          {
            key: 'e',
            label: 'evidence',
            text: `the packets of the finding as a capture: ${pathFor(finding, 'pcapng')}`,
            document: { kind: 'finding', finding: finding.id } as const,
          },
        ]
      : []),
    ...(connection === null
      ? []
      : [
          {
            key: 'c',
            label: 'connection',
            text: `its packets as a capture: connection-${String(connection)}.pcapng`,
            document: { kind: 'connection', connection } as const,
          },
        ]),
    { key: 'v', label: 'view', text: `this screen as Markdown: ${view.kind}.md`, document: { kind: 'view' } },
    ...(state.marks.size === 0
      ? []
      : [
          {
            key: 'm',
            label: 'marked',
            text: `what is marked, with its notes, as Markdown: marked.md`,
            document: { kind: 'marked' } as const,
          },
        ]),
  ];
}

function connectionOf(state: TuiState): number | null {
  const view = topView(state);
  if (view.kind === 'ladder' || view.kind === 'follow') return view.connection;
  return view.kind === 'connections' ? (view.pages.idAt(view.cursor) ?? null) : null;
}

export function openWriteMenu(store: Store): void {
  store.update({ menu: { kind: 'write', title: 'Write', items: choices(store), cursor: 0 } });
}

/** An entry of the menu was chosen: what is the file to be called? */
export function chooseDocument(store: Store, key: string): void {
  const document = choices(store).find((choice) => choice.key === key)?.document;
  if (document === undefined) return;
  const path = defaultPath(store.state(), document);
  store.update({ menu: null, writing: { document, path }, prompt: promptFor('file', path) });
}

function defaultPath(state: TuiState, document: Document): string {
  switch (document.kind) {
    case 'view':
      return `${topView(state).kind}.md`;
    case 'marked':
      return 'marked.md';
    case 'connection':
      return `connection-${String(document.connection)}.pcapng`;
    case 'finding': {
      const finding = state.snapshot.findings.find(({ id }) => id === document.finding);
      return finding === undefined ? 'finding.pcapng' : pathFor(finding, 'pcapng');
    }
  }
}

/** An id has slashes and colons, which not every system takes in a name. */
const pathFor = ({ id }: Finding, extension: string): string => `${id.replace(/[^\w.-]+/g, '-')}.${extension}`;

/** A name was typed. */
export function writeNamed(store: Store, path: string): void {
  const { writing } = store.state();
  if (writing === null || path === '') return;
  const next = { ...writing, path };
  if (!store.effects.exists(path)) {
    store.update({ writing: null });
    write(store, next);
    return;
  }
  const items = [
    { key: 'n', label: 'another name', text: path },
    { key: 'y', label: 'replace it', text: path },
  ];
  store.update({ writing: next, menu: { kind: 'replace', title: `${sanitise(path, 100)} exists`, items, cursor: 0 } });
}

/** The question was answered. */
export function answerReplace(store: Store, key: string): void {
  const { writing } = store.state();
  if (writing === null) return;
  if (key === 'y') {
    store.update({ menu: null, writing: null });
    write(store, writing);
  } else store.update({ menu: null, prompt: promptFor('file', writing.path) });
}

/** Captures by the engine, which reads the packets again; documents by the owner of the terminal. */
function write(store: Store, { document, path }: Writing): void {
  const state = store.state();
  if (document.kind === 'view' || document.kind === 'marked') {
    const problem = store.effects.writeFile(path, document.kind === 'view' ? markdownOf(state) : markedAsMarkdown(state));
    store.say(problem === null ? `Wrote ${sanitise(path, 200)}.` : `Cannot write ${sanitise(path, 200)}: ${sanitise(problem, 200)}`);
    return;
  }
  const wanted = document.kind === 'finding' ? { finding: document.finding } : { connection: document.connection };
  store.say(`Writing ${sanitise(path, 200)} …`);
  store.ask('extract', { wanted, format: /\.(pcap|cap|dmp)$/i.test(path) ? 'pcap' : 'pcapng', path }).then(
    ({ packets }) => store.say(`Wrote ${String(packets)} packets to ${sanitise(path, 200)}.`),
    (error: unknown) => store.say(error instanceof Error ? error.message : String(error)),
  );
}
