/**
 * Programs of ours that run on a thread or in a process of their own: files beside the bundle, or, where everything is one executable
 * (`npm run build:binary`), parts of that.
 */
import { existsSync } from 'node:fs';
import { getAsset, isSea } from 'node:sea';

export const isExecutable = (): boolean => isSea();

/** A URL that a thread can be started from; null where nobody built it. */
export function programNamed(name: 'worker' | 'unpacker' | 'cross-reader'): URL | null {
  if (isSea()) return new URL(`data:text/javascript;base64,${Buffer.from(getAsset(name)).toString('base64')}`);
  // One folder up, when the code that asks became a shared chunk.
  const places = [`./${name}.js`, `../${name}.js`].map((place) => new URL(place, import.meta.url));
  return places.find((place) => existsSync(place)) ?? null;
}
