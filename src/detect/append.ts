/** Adds to the list that a key has. To copy the list for each item takes a minute where an attack makes it long. */
export function append<K, T>(lists: Map<K, T[]>, key: K, item: T): void {
  const list = lists.get(key);
  if (list === undefined) lists.set(key, [item]);
  else list.push(item);
}
