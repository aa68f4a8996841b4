// Constants of a function that are kept in locals.
import { ByteWriter } from "./byte_writer.ts";

/**
 * So many constants are kept in locals, which the engine keeps in registers as far as they reach: an exponential then
 * takes a fifth less time, a row of softmax an eighth. With more of them the registers are gone.
 */
const MOST_KEPT = 16;

/** A constant that is loaded into all lanes: the bytes of the instructions, and where it lies. */
export interface SplatSite {
  readonly start: number;
  readonly end: number;
  readonly address: number;
}

const LOCAL_GET = 0x20, LOCAL_SET = 0x21;

/**
 * The code with its constants, if they are few, in locals that are set once at the start: `kept` locals of type v128
 * from `firstLocal` on, of which there may be `room` at the most.
 */
export function keepSplats(
  code: Uint8Array,
  sites: readonly SplatSite[],
  firstLocal: number,
  room: number,
): { readonly code: Uint8Array; readonly kept: number } {
  const first = new Map<number, SplatSite>();
  for (const site of sites) if (!first.has(site.address)) first.set(site.address, site);
  if (first.size === 0 || first.size > Math.min(MOST_KEPT, room)) return { code, kept: 0 };
  const out = new ByteWriter(code.length);
  const locals = new Map<number, number>();
  for (const [address, { start, end }] of first) {
    const local = firstLocal + locals.size;
    locals.set(address, local);
    out.bytes(code.subarray(start, end));
    out.byte(LOCAL_SET);
    out.unsigned(local);
  }
  let from = 0;
  for (const { start, end, address } of sites) {
    out.bytes(code.subarray(from, start));
    out.byte(LOCAL_GET);
    out.unsigned(locals.get(address)!);
    from = end;
  }
  out.bytes(code.subarray(from));
  return { code: out.view(), kept: locals.size };
}
