/** Algebraic rules of elementwise operations. Each keeps the value but for the rounding of folded constants. */
import { type DType, isFloat } from "../../trace/dtype.ts";
import type { Node, Variable } from "../../trace/graph.ts";
import { broadcastToPrimitive } from "../../trace/primitives/move.ts";
import { elementwise } from "../../trace/primitives/elementwise.ts";
import { asTensor, producer, uniformValue } from "../../trace/rewrite.ts";
import type { ScalarOp } from "../../trace/scalar_op.ts";
import { sameShape } from "../../trace/shape.ts";
import { Tensor } from "../../trace/tensor.ts";
import { bindOne } from "../../trace/trace.ts";

/** What a rule may use of the node it looks at. */
export interface RuleContext {
  readonly node: Node;
  readonly inputs: readonly Tensor[];
  /** How often a variable of the graph being rewritten is used. */
  uses(variable: Variable): number;
}

type Rule = (context: RuleContext) => Tensor | null;

function op(name: ScalarOp, ...inputs: Tensor[]): Tensor {
  return bindOne(elementwise[name], inputs, {});
}

/** `x`, in the type of the node's output. */
function sameAs(x: Tensor, { node }: RuleContext): Tensor | null {
  const { aval } = node.outputs[0];
  if (x.aval.dtype !== aval.dtype) return null;
  return sameShape(x.aval.shape, aval.shape) ? x : bindOne(broadcastToPrimitive, [x], { shape: aval.shape });
}

function everywhere(value: number, { node }: RuleContext): Tensor {
  const { aval } = node.outputs[0];
  const literal = Tensor.literal(value, aval.dtype);
  return aval.shape.length === 0 ? literal : bindOne(broadcastToPrimitive, [literal], { shape: aval.shape });
}

function literalLike(value: number, x: Tensor): Tensor {
  return Tensor.literal(value, x.aval.dtype);
}

/** The operand of a node of the given operation, in the graph under construction. */
function inside(x: Tensor, name: string): readonly Tensor[] | null {
  const node = producer(x, name);
  return node && node.inputs.map((variable) => asTensor(variable, x));
}

function isPowerOfTwo(value: number): boolean {
  if (!Number.isFinite(value) || value === 0) return false;
  const exponent = Math.log2(Math.abs(value));
  return Number.isInteger(exponent) && Math.abs(exponent) < 100;
}

/** Whether a product of constants may replace two multiplications: neither vanishes nor overflows. */
function foldable(product: number, dtype: DType): boolean {
  if (!isFloat(dtype)) return Number.isSafeInteger(product) && Math.abs(product) < 2 ** 31;
  const size = Math.abs(product);
  return size > 1e-30 && size < 1e30;
}

const add: Rule = (context) => {
  const [a, b] = context.inputs;
  // x + 0 = x
  if (uniformValue(b) === 0) return sameAs(a, context);
  if (uniformValue(a) === 0) return sameAs(b, context);
  // x + x = 2 x
  if (a.variable === b.variable && isFloat(a.aval.dtype)) return op("mul", a, literalLike(2, a));
  // a + (-b) = a - b
  const negB = inside(b, "neg");
  if (negB) return op("sub", a, negB[0]);
  const negA = inside(a, "neg");
  if (negA) return op("sub", b, negA[0]);
  return null;
};

const sub: Rule = (context) => {
  const [a, b] = context.inputs;
  if (uniformValue(b) === 0) return sameAs(a, context);
  // 0 - x = -x
  if (uniformValue(a) === 0 && a.aval.dtype === context.node.outputs[0].aval.dtype) {
    const x = sameAs(b, context);
    return x && op("neg", x);
  }
  const negB = inside(b, "neg");
  if (negB) return op("add", a, negB[0]);
  return null;
};

const mul: Rule = (context) => {
  let [a, b] = context.inputs;
  if (uniformValue(a) !== undefined && uniformValue(b) === undefined) [a, b] = [b, a];
  const value = uniformValue(b);
  if (value === 1) return sameAs(a, context);
  if (value === -1) {
    const x = sameAs(a, context);
    return x && op("neg", x);
  }
  if (value !== undefined) {
    // (x c) d = x (c d)
    const product = inside(a, "mul");
    if (product) {
      for (const [x, c] of [product, [product[1], product[0]]]) {
        const inner = uniformValue(c);
        if (inner !== undefined && foldable(inner * value, x.aval.dtype)) {
          return sameAs(op("mul", x, literalLike(inner * value, x)), context);
        }
      }
    }
    // (-x) c = x (-c)
    const negated = inside(a, "neg");
    if (negated) return sameAs(op("mul", negated[0], literalLike(-value, negated[0])), context);
  }
  const negA = inside(a, "neg"), negB = inside(b, "neg");
  if (negA && negB) return sameAs(op("mul", negA[0], negB[0]), context);
  return null;
};

const div: Rule = (context) => {
  const [a, b] = context.inputs;
  const value = uniformValue(b);
  if (value === 1) return sameAs(a, context);
  if (value === -1) {
    const x = sameAs(a, context);
    return x && op("neg", x);
  }
  // x / 2^n = x 2^-n, exactly
  if (value !== undefined && isPowerOfTwo(value)) {
    return sameAs(op("mul", a, literalLike(1 / value, a)), context);
  }
  if (uniformValue(a) === 1) {
    const x = sameAs(b, context);
    return x && op("reciprocal", x);
  }
  return null;
};

/** mulNoNaN(t, c) = t c but 0 where t is 0: plain multiplication where c is known to be finite. */
const mulNoNaN: Rule = (context) => {
  const [tangent, coefficient] = context.inputs;
  const value = uniformValue(coefficient);
  if (value !== undefined && Number.isFinite(value)) return op("mul", tangent, coefficient);
  const known = uniformValue(tangent);
  if (known === 0) return everywhere(0, context);
  if (known !== undefined && known !== 0) return op("mul", coefficient, tangent);
  return null;
};

const pow: Rule = (context) => {
  const [base, exponent] = context.inputs;
  const value = uniformValue(exponent);
  const x = sameAs(base, context);
  if (!x || value === undefined) return null;
  if (value === 0) return everywhere(1, context);
  if (value === 1) return x;
  if (value === 2) return op("square", x);
  if (value === 3) return op("mul", op("square", x), x);
  if (value === -1 && isFloat(x.aval.dtype)) return op("reciprocal", x);
  return null;
};

const neg: Rule = ({ inputs: [x] }) => {
  const again = inside(x, "neg");
  if (again) return again[0];
  // -(a - b) = b - a
  const difference = inside(x, "sub");
  if (difference) return op("sub", difference[1], difference[0]);
  const product = inside(x, "mul");
  if (product) {
    const value = uniformValue(product[1]);
    if (value !== undefined && isFloat(x.aval.dtype)) {
      return op("mul", product[0], literalLike(-value, product[0]));
    }
  }
  return null;
};

const evenFunction = (name: "abs" | "square" | "cosh" | "cos"): Rule => ({ inputs: [x] }) => {
  const inner = inside(x, "neg") ?? (name === "square" ? inside(x, "abs") : null);
  return inner && op(name, inner[0]);
};

const select: Rule = (context) => {
  const [condition, a, b] = context.inputs;
  const value = uniformValue(condition);
  if (value !== undefined) return sameAs(value !== 0 ? a : b, context);
  if (a.variable === b.variable) return sameAs(a, context);
  return null;
};

/** Once derivatives have been taken it is the identity. */
const stopGradient: Rule = (context) => sameAs(context.inputs[0], context);

const not: Rule = ({ inputs: [x] }) => {
  const again = inside(x, "not");
  return again && again[0];
};

const and: Rule = (context) => {
  const [a, b] = context.inputs;
  if (a.aval.dtype !== "bool") return null;
  if (uniformValue(a) === 1) return sameAs(b, context);
  if (uniformValue(b) === 1) return sameAs(a, context);
  return a.variable === b.variable ? sameAs(a, context) : null;
};

const or: Rule = (context) => {
  const [a, b] = context.inputs;
  if (a.aval.dtype !== "bool") return null;
  if (uniformValue(a) === 0) return sameAs(b, context);
  if (uniformValue(b) === 0) return sameAs(a, context);
  return a.variable === b.variable ? sameAs(a, context) : null;
};

const same: Rule = (context) => {
  const [a, b] = context.inputs;
  return a.variable === b.variable ? sameAs(a, context) : null;
};

const square: Rule = (context) => evenFunction("square")(context);

export const arithmeticRules: { readonly [op: string]: Rule } = {
  add,
  sub,
  mul,
  div,
  mulNoNaN,
  pow,
  neg,
  abs: evenFunction("abs"),
  square,
  cosh: evenFunction("cosh"),
  cos: evenFunction("cos"),
  select,
  stopGradient,
  not,
  and,
  or,
  minimum: same,
  maximum: same,
};
