/** The methods of Tensor, gathered from the files that define the operations. */
import type { ArithmeticMethods } from "./arithmetic.ts";
import type { ClosenessMethods } from "./closeness.ts";
import type { ConversionMethods } from "./creation.ts";
import type { MatrixMethods } from "./creation_matrix.ts";
import type { CumulativeMethods } from "./cumulative.ts";
import type { ExponentialMethods } from "./exponential.ts";
import type { IndexReadMethods } from "./index_read.ts";
import type { IndexWriteMethods } from "./index_write.ts";
import type { LinearAlgebraMethods } from "./linear_algebra.ts";
import type { LogicMethods } from "./logic.ts";
import type { NonzeroMethods } from "./nonzero.ts";
import type { ReductionMethods } from "./reductions.ts";
import type { RoundingMethods } from "./rounding.ts";
import type { ShapeMethods } from "./shape.ts";
import type { AxisMethods } from "./shape_axes.ts";
import type { JoinMethods } from "./shape_join.ts";
import type { OrderMethods } from "./shape_order.ts";
import type { SortingMethods } from "./sorting.ts";
import type { SpecialMethods } from "./special.ts";
import type { ComposedSpecialMethods } from "./special_composed.ts";
import type { StatisticsMethods } from "./statistics.ts";
import type { TakeMethods } from "./taking.ts";
import type { TrigonometricMethods } from "./trigonometric.ts";

/** Everything a tensor can do; `interface Tensor extends TensorMethods` merges it into the class. */
export interface TensorMethods
  extends
    ArithmeticMethods,
    RoundingMethods,
    ExponentialMethods,
    TrigonometricMethods,
    SpecialMethods,
    ComposedSpecialMethods,
    LogicMethods,
    ReductionMethods,
    StatisticsMethods,
    CumulativeMethods,
    ConversionMethods,
    MatrixMethods,
    ClosenessMethods,
    ShapeMethods,
    AxisMethods,
    JoinMethods,
    OrderMethods,
    LinearAlgebraMethods,
    IndexReadMethods,
    IndexWriteMethods,
    NonzeroMethods,
    TakeMethods,
    SortingMethods {}
