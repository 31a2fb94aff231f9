/** A short list of things to do, over the lower part of the screen. Plain data; what an entry does is in commands.ts. */
export interface MenuItem {
  /** The letter that chooses it. */
  readonly key: string;
  readonly label: string;
  /** In full below the list while the cursor is on it, so that it can also be copied by hand. */
  readonly text: string;
}

export interface Menu {
  readonly kind: 'copy' | 'write' | 'replace';
  readonly title: string;
  readonly items: readonly MenuItem[];
  readonly cursor: number;
}

export const moved = (menu: Menu, step: number): Menu => ({
  ...menu,
  cursor: Math.max(0, Math.min(menu.cursor + step, menu.items.length - 1)),
});
