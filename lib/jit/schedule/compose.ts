/** Composition of positions through views: index maps and reshapes. */
import type { Node, Variable } from "../../trace/graph.ts";
import type { IndexMap } from "../../trace/lowering.ts";
import { type Shape, stridesOf } from "../../trace/shape.ts";
import { type Classified, splitGroups } from "./classify.ts";
import { addScaled, axisForm, boundsOf, constantForm, type LinearForm } from "./linear_form.ts";

/** Coordinates of the input of an index map, given those of its output; ranges and divisibility apart. */
export function composeIndexMap(
  map: IndexMap,
  output: readonly LinearForm[],
  inputRank: number,
  domainRank: number,
): LinearForm[] {
  const input = Array.from({ length: inputRank }, (_, a) => constantForm(map.start[a], domainRank));
  map.axis.forEach((a, d) => {
    if (a >= 0) input[a] = addScaled(input[a], output[d], map.step[d]);
  });
  return input;
}

/** Coordinates of the input of a reshape that only splits axes, or null when it merges some. */
export function composeSplit(
  inputShape: Shape,
  outputShape: Shape,
  output: readonly LinearForm[],
  domainRank: number,
): LinearForm[] | null {
  const groups = splitGroups(inputShape, outputShape);
  if (!groups) return null;
  return groups.map(([begin, end]) => {
    let form = constantForm(0, domainRank);
    let stride = 1;
    for (let d = end - 1; d >= begin; d--) {
      form = addScaled(form, output[d], stride);
      stride *= outputShape[d];
    }
    return form;
  });
}

/** The position in a contiguous buffer of `shape`. */
export function linearPosition(shape: Shape, forms: readonly LinearForm[], domainRank: number): LinearForm {
  let position = constantForm(0, domainRank);
  stridesOf(shape).forEach((stride, axis) => position = addScaled(position, forms[axis], stride));
  return position;
}

/**
 * Coordinates in `shape` of a position, where each axis can be told apart: the parts of the form that are multiples
 * of an axis' stride, the rest staying below it. Null when it cannot.
 */
export function splitPosition(
  shape: Shape,
  position: LinearForm,
  domain: readonly number[],
): LinearForm[] | null {
  const strides = stridesOf(shape);
  const forms: LinearForm[] = [];
  let rest = position;
  for (let axis = 0; axis < shape.length; axis++) {
    const stride = strides[axis];
    const quotient = {
      offset: Math.floor(rest.offset / stride),
      coefficients: rest.coefficients.map((c) => c % stride === 0 ? c / stride : 0),
      terms: rest.terms.filter((t) => t.scale % stride === 0).map((t) => ({ ...t, scale: t.scale / stride })),
    };
    const remainder = {
      offset: rest.offset - quotient.offset * stride,
      coefficients: rest.coefficients.map((c) => c % stride === 0 ? 0 : c),
      terms: rest.terms.filter((t) => t.scale % stride !== 0),
    };
    const [low, high] = boundsOf(remainder, domain);
    if (low < 0 || high >= stride) return null;
    forms.push(quotient);
    rest = remainder;
  }
  return forms;
}

/** A buffer read through views alone. */
export interface StridedView {
  readonly base: Variable;
  /** Position in the base's buffer over the axes of the viewed variable. */
  readonly position: LinearForm;
}

/**
 * Follows index maps and reshapes down to a value that has, or can have, a buffer of its own. Null when a view pads,
 * interleaves or cannot be followed linearly.
 */
export function stridedView(
  variable: Variable,
  classes: ReadonlyMap<Node, Classified>,
  materialized: ReadonlySet<Variable>,
): StridedView | null {
  const rank = variable.aval.shape.length;
  let forms = variable.aval.shape.map((_, i) => axisForm(i, rank));
  let current = variable;
  while (current.node && !materialized.has(current)) {
    const { lowering, role } = classes.get(current.node)!;
    if (role !== "virtual") break;
    const input = current.node.inputs[0];
    if (lowering.kind === "index") {
      if (lowering.map.fill !== undefined || lowering.map.every !== undefined) return null;
      forms = composeIndexMap(lowering.map, forms, input.aval.shape.length, rank);
    } else if (lowering.kind === "reshape") {
      const position = linearPosition(current.aval.shape, forms, rank);
      const split = composeSplit(input.aval.shape, current.aval.shape, forms, rank) ??
        splitPosition(input.aval.shape, position, variable.aval.shape);
      if (!split) {
        const below = input.node && classes.get(input.node)!.role === "virtual" && !materialized.has(input);
        return below ? null : { base: input, position };
      }
      forms = split;
    } else if (lowering.kind !== "barrier") return null;
    current = input;
  }
  return { base: current, position: linearPosition(current.aval.shape, forms, rank) };
}

/** The value whose contiguous buffer a chain of reshapes (and barriers) shares. */
export function reshapeBase(
  variable: Variable,
  classes: ReadonlyMap<Node, Classified>,
  materialized: ReadonlySet<Variable>,
): Variable {
  let current = variable;
  while (
    current.node && !materialized.has(current) && classes.get(current.node)!.lowering.kind === "reshape"
  ) {
    current = current.node.inputs[0];
  }
  return current;
}
