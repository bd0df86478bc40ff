/** Sets an entry, and evicts the oldest one if the map already holds `limit` others. */
export function putBounded<Key, Value>(map: Map<Key, Value>, key: Key, value: Value, limit: number): void {
  const oldest = map.size >= limit && !map.has(key) ? map.keys().next() : undefined;
  if (oldest?.done === false) map.delete(oldest.value);
  map.set(key, value);
}
