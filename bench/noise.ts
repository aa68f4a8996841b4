/** Numbers between -1 and 1 from a fixed sequence, the same in every run. */
export function* uniform(count: number): Generator<number> {
  let state = 20260723;
  for (let i = 0; i < count; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    yield state / 2 ** 31 - 1;
  }
}
