/** Every elementwise primitive, by the name of its scalar operation: complete by type. */
import type { Primitive } from "../primitive.ts";
import type { ScalarOp } from "../scalar_op.ts";
import * as binary from "./elementwise_binary.ts";
import type { NoParams } from "./elementwise_rules.ts";
import * as special from "./elementwise_special.ts";
import * as trigonometric from "./elementwise_trigonometric.ts";
import * as unary from "./elementwise_unary.ts";

export const elementwise: { readonly [K in ScalarOp]: Primitive<NoParams> } = {
  ...unary,
  ...trigonometric,
  ...special,
  ...binary,
};
