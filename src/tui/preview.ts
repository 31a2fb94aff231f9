/**
 * What a wide terminal shows of the row under the cursor before it is opened: the states that a connection went through, the packet
 * of a segment. One question at a time; the old preview stays until the next one is there, so that nothing flickers.
 */
import type { PacketDetail } from '../engine/protocol.ts';
import type { ConnectionRow } from '../model/report.ts';
import { itemsOf, type Loaded, topView, type TuiState } from './navigation.ts';
import { previewRows } from './present/layout.ts';
import type { Store } from './store.ts';

export type Preview =
  | { readonly kind: 'connection'; readonly of: number; readonly packets: number; readonly data: Loaded<ConnectionRow> }
  | { readonly kind: 'packet'; readonly of: number; readonly packets: number; readonly data: Loaded<PacketDetail> };

/** `packets`: of the analysis that answers: a connection that still goes on is asked for again. */
type Wanted = Pick<Preview, 'kind' | 'of' | 'packets'>;

/** What there is room for; null: nothing. */
function wanted(state: TuiState): Wanted | null {
  const view = topView(state);
  if (view.kind === 'connections' && previewRows(state.size) > 0) {
    const id = view.pages.idAt(view.cursor);
    return id === undefined ? null : { kind: 'connection', of: id, packets: state.snapshot.capture.packets };
  }
  if (view.kind === 'ladder' && previewRows(state.size) > 0) {
    const item = itemsOf(view)[view.cursor];
    return item?.kind === 'row' && item.row.frame !== null ? { kind: 'packet', of: item.row.frame, packets: 0 } : null;
  }
  return null;
}

const isSame = (a: Wanted, b: Wanted | null): boolean => b !== null && a.kind === b.kind && a.of === b.of && a.packets === b.packets;

export class PreviewLoader {
  readonly #store: Store;
  #asking = false;

  constructor(store: Store) {
    this.#store = store;
  }

  /** The screen changed. */
  look(): void {
    const state = this.#store.state();
    const next = wanted(state);
    if (this.#asking || next === null || isSame(next, state.preview)) return;
    this.#asking = true;
    this.#ask(next).then(
      (preview) => this.#arrive(preview),
      (error: unknown) => this.#arrive({ ...next, data: { value: null, error: error instanceof Error ? error.message : String(error) } }),
    );
  }

  async #ask({ kind, of, packets }: Wanted): Promise<Preview> {
    if (kind === 'connection')
      return { kind, of, packets, data: { value: await this.#store.ask('connection', { connection: of }), error: null } };
    return { kind, of, packets, data: { value: await this.#store.ask('packet', { frame: of }), error: null } };
  }

  #arrive(preview: Preview): void {
    this.#asking = false;
    // Drawing it looks again: by now the cursor may be somewhere else.
    this.#store.update({ preview });
  }
}
