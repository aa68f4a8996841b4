/** A bounded map that drops what was not used for longest. */
export class LruCache<V> {
  readonly #entries: Map<string, V> = new Map();
  readonly #capacity: number;
  readonly #dropped: (value: V) => void;

  constructor(capacity: number, dropped: (value: V) => void = () => {}) {
    this.#capacity = capacity;
    this.#dropped = dropped;
  }

  get size(): number {
    return this.#entries.size;
  }

  get(key: string): V | undefined {
    const value = this.#entries.get(key);
    if (value === undefined) return undefined;
    // A Map keeps the order of insertion: the first key is the least recently used.
    this.#entries.delete(key);
    this.#entries.set(key, value);
    return value;
  }

  set(key: string, value: V): void {
    this.#entries.delete(key);
    this.#entries.set(key, value);
    if (this.#entries.size <= this.#capacity) return;
    const [oldest, dropped] = this.#entries.entries().next().value!;
    this.#entries.delete(oldest);
    this.#dropped(dropped);
  }

  values(): IterableIterator<V> {
    return this.#entries.values();
  }

  clear(): void {
    for (const value of this.#entries.values()) this.#dropped(value);
    this.#entries.clear();
  }
}
