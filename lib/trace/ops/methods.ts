/** The methods of Tensor, gathered from the files that define the operations. */
import type { ElementwiseMethods } from "./elementwise_methods.ts";

/** Everything a tensor can do; `interface Tensor extends TensorMethods` merges it into the class. */
export interface TensorMethods extends ElementwiseMethods {}
