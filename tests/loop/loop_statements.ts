/** What the tests of loop statements share. */
import { loop, type Tensor } from "@damo/damo";
import { f64 } from "./both_executors.ts";

export const ramp = (): Tensor => f64([0.1, 0.2, 0.3]);

/** A state of its own decay and a stack of twice its values, summed. */
export function recurrent(xs: Tensor, h0: Tensor): Tensor {
  const h = loop.state(h0);
  const hs = loop.stack();
  for (const x of loop.over(xs)) {
    h.value = h.value.mul(0.5).add(x);
    hs.push(h.value.mul(2));
  }
  return h.value.add(hs.value.sum());
}
