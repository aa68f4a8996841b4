/** Workgroups of a dispatch. */
import { MAX_WORKGROUPS } from "../tuning.ts";

/** Workgroups for `threads` threads in groups of `size`, spread over two dimensions. */
export function groupsFor(threads: number, size: number): readonly [number, number, number] {
  const groups = Math.ceil(threads / size);
  return groups <= MAX_WORKGROUPS ? [groups, 1, 1] : [MAX_WORKGROUPS, Math.ceil(groups / MAX_WORKGROUPS), 1];
}
