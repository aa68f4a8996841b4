/** The methods of Tensor, gathered from the files that define the operations. */
import type { ElementwiseMethods } from "./elementwise_methods.ts";
import type { LinearAlgebraMethods } from "./linear_algebra.ts";
import type { ShapeMethods } from "./shape.ts";
import type { AxisMethods } from "./shape_axes.ts";
import type { JoinMethods } from "./shape_join.ts";
import type { OrderMethods } from "./shape_order.ts";

/** Everything a tensor can do; `interface Tensor extends TensorMethods` merges it into the class. */
export interface TensorMethods
  extends ElementwiseMethods, ShapeMethods, AxisMethods, JoinMethods, OrderMethods, LinearAlgebraMethods {}
