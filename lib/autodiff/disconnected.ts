/** What happens when a cost does not depend on something it is differentiated with respect to. */
import { GradientError } from "../trace/errors.ts";
import { type Aval, describe } from "../trace/shape.ts";

/** What to do about tensors that a cost does not depend on. */
export type Disconnected = "error" | "zero" | "warn";

/** All of them. */
export const DISCONNECTED: readonly Disconnected[] = ["error", "zero", "warn"];

/** Throws, warns or stays silent about the leaves without a path to the cost. */
export function reportDisconnected(
  leaves: readonly { readonly path: string; readonly aval: Aval }[],
  policy: Disconnected = "error",
  context: string,
): void {
  if (leaves.length === 0 || policy === "zero") return;
  const shown = leaves.map(({ path, aval }) => `${path} (${describe(aval)})`).join(", ");
  const what = `${context}: the cost does not depend on ${shown}.`;
  if (policy === "warn") {
    console.warn(`${what} Its gradient is zero.`);
    return;
  }
  throw new GradientError(what, {
    operation: context,
    arguments: leaves.map(({ path, aval }) => ({ name: path, shape: aval.shape, dtype: aval.dtype })),
    remedy: 'Leave it out, or pass { disconnected: "zero" } to get zeros (or "warn"). ' +
      "What passes through stopGradient does not count.",
  });
}
