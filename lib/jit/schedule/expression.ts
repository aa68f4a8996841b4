/** Builds the statements of a kernel from the nodes it computes, following views down to loads. */
import type { DType } from "../../trace/dtype.ts";
import type { Node, Variable } from "../../trace/graph.ts";
import type { IndexMap } from "../../trace/lowering.ts";
import type { ScalarOp } from "../../trace/scalar_op.ts";
import type { Shape } from "../../trace/shape.ts";
import type { Index, Operand, Statement } from "../kernel/kernel.ts";
import type { Classified } from "./classify.ts";
import { composeIndexMap, composeSplit, linearPosition, splitPosition } from "./compose.ts";
import {
  addScaled,
  axisForm,
  boundsOf,
  constantForm,
  formKey,
  type LinearForm,
  statementForm,
} from "./linear_form.ts";

/** Where a value that is not computed in this kernel is found: a buffer and the variable whose layout it has. */
export interface ExpressionContext {
  /** The domain of the kernel, in kernel order. */
  readonly domain: readonly number[];
  readonly classes: ReadonlyMap<Node, Classified>;
  /** True when the variable must be read from a buffer here. */
  isBuffer(variable: Variable): boolean;
  /** A statement that the kernel already has for the variable at its own point (group members, row values). */
  member(variable: Variable, forms: readonly LinearForm[]): number | undefined;
}

const COMPARES: ReadonlySet<string> = new Set(["eq", "ne", "lt", "le", "gt", "ge", "isNaN", "isFinite"]);

export class ExpressionBuilder {
  readonly statements: Statement[] = [];
  readonly operands: Operand[] = [];
  /** The variable behind each operand. */
  readonly operandVariables: (Variable | null)[] = [];
  readonly #context: ExpressionContext;
  readonly #memo: Map<Variable, Map<string, number>> = new Map();
  readonly #interned: Map<string, number> = new Map();
  readonly #operandOf: Map<Variable, number> = new Map();
  readonly #rank: number;

  constructor(context: ExpressionContext) {
    this.#context = context;
    this.#rank = context.domain.length;
  }

  push(statement: Statement): number {
    this.statements.push(statement);
    return this.statements.length - 1;
  }

  /** Statements that are equal by value are made once: constants, coordinates and what is computed from them. */
  #intern(key: string, make: () => Statement): number {
    let id = this.#interned.get(key);
    if (id === undefined) this.#interned.set(key, id = this.push(make()));
    return id;
  }

  constant(value: number, dtype: DType): number {
    const shown = Object.is(value, -0) ? "-0" : String(value);
    return this.#intern(`c${dtype}${shown}`, () => ({ kind: "constant", dtype, value }));
  }

  op(op: ScalarOp, dtype: DType, args: readonly number[]): number {
    const from = this.statements[args[args.length - 1]].dtype;
    const statement: Statement = COMPARES.has(op)
      ? { kind: "op", op, dtype: "bool", from, args }
      : { kind: "op", op, dtype, args };
    return dtype === "int32" || dtype === "bool"
      ? this.#intern(`${op}${from}${args.join()}`, () => statement)
      : this.push(statement);
  }

  /** An operand for reading `variable`'s buffer; made once per variable. */
  read(variable: Variable): number {
    let operand = this.#operandOf.get(variable);
    if (operand === undefined) {
      operand = this.operands.length;
      this.operands.push({ dtype: variable.aval.dtype, access: "read" });
      this.operandVariables.push(variable);
      this.#operandOf.set(variable, operand);
    }
    return operand;
  }

  /** An operand for writing `variable`'s buffer; reading and writing one buffer makes it "readwrite". */
  write(variable: Variable): number {
    const known = this.#operandOf.get(variable);
    if (known !== undefined) {
      this.operands[known] = { dtype: variable.aval.dtype, access: "readwrite" };
      return known;
    }
    const operand = this.operands.length;
    this.operands.push({ dtype: variable.aval.dtype, access: "write" });
    this.operandVariables.push(variable);
    this.#operandOf.set(variable, operand);
    return operand;
  }

  toIndex(position: LinearForm): Index {
    return {
      offset: position.offset,
      strides: position.coefficients,
      dynamic: position.terms.map((t) => ({ statement: t.statement, stride: t.scale })),
    };
  }

  load(variable: Variable, position: LinearForm, mask: number, fill: number): number {
    const dtype = variable.aval.dtype;
    const operand = this.read(variable);
    const index = this.toIndex(position);
    return this.push(
      mask < 0
        ? { kind: "load", dtype, operand, index }
        : { kind: "load", dtype, operand, index, mask, fill },
    );
  }

  /** The statement for a linear form, as int32. */
  formStatement(form: LinearForm): number {
    return this.#intern(`f${formKey(form)}`, () => {
      let sum = -1;
      const addTerm = (id: number, scale: number) => {
        const term = scale === 1 ? id : this.op("mul", "int32", [id, this.constant(scale, "int32")]);
        sum = sum < 0 ? term : this.op("add", "int32", [sum, term]);
      };
      form.coefficients.forEach((c, axis) => {
        if (c !== 0) {
          addTerm(this.#intern(`x${axis}`, () => ({ kind: "coordinate", dtype: "int32", axis })), c);
        }
      });
      for (const term of form.terms) addTerm(term.statement, term.scale);
      if (sum < 0) return { kind: "constant", dtype: "int32", value: form.offset };
      return { kind: "op", op: "add", dtype: "int32", args: [sum, this.constant(form.offset, "int32")] };
    });
  }

  /** The identity coordinates of a shape over the given domain axes. */
  identity(axes: readonly number[]): LinearForm[] {
    return axes.map((axis) => axisForm(axis, this.#rank));
  }

  /** The value of a variable at coordinates; `mask` (or -1) says where it is needed. */
  value(variable: Variable, forms: readonly LinearForm[], mask = -1): number {
    let memo = this.#memo.get(variable);
    if (!memo) this.#memo.set(variable, memo = new Map());
    const places = this.#normalize(variable, forms);
    const place = places.map(formKey).join("|");
    // What is known without a mask is right under every mask.
    let id = memo.get(`${place}/-1`) ?? memo.get(`${place}/${mask}`);
    if (id === undefined) memo.set(`${place}/${mask}`, id = this.#compute(variable, places, mask));
    return id;
  }

  /** Makes later uses of `variable` at `forms` refer to `id`. */
  remember(variable: Variable, forms: readonly LinearForm[], id: number): void {
    let memo = this.#memo.get(variable);
    if (!memo) this.#memo.set(variable, memo = new Map());
    memo.set(`${this.#normalize(variable, forms).map(formKey).join("|")}/-1`, id);
  }

  /** One form for one place: coordinates along axes of one element, of the variable or the domain, are 0. */
  #normalize(variable: Variable, forms: readonly LinearForm[]): readonly LinearForm[] {
    const { shape } = variable.aval;
    const { domain } = this.#context;
    if (!domain.includes(1) && !shape.includes(1)) return forms;
    return forms.map((form, axis) => {
      if (shape[axis] === 1) return constantForm(0, this.#rank);
      if (form.coefficients.every((c, i) => c === 0 || domain[i] !== 1)) return form;
      return { ...form, coefficients: form.coefficients.map((c, i) => domain[i] === 1 ? 0 : c) };
    });
  }

  #compute(variable: Variable, forms: readonly LinearForm[], mask: number): number {
    const context = this.#context;
    const member = context.member(variable, forms);
    if (member !== undefined) return member;
    const node = variable.node;
    if (!node || context.isBuffer(variable)) {
      return this.load(variable, linearPosition(variable.aval.shape, forms, this.#rank), mask, 0);
    }
    return this.node(node, variable.index, forms, mask);
  }

  /** The value of a node's output at coordinates of its output. */
  node(node: Node, output: number, forms: readonly LinearForm[], mask = -1): number {
    const { lowering } = this.#context.classes.get(node)!;
    const aval = node.outputs[output].aval;
    switch (lowering.kind) {
      case "constant":
        return this.constant(lowering.value, aval.dtype);
      case "iota": {
        const coordinate = this.formStatement(forms[lowering.axis]);
        return aval.dtype === "int32" ? coordinate : this.#cast(coordinate, aval.dtype);
      }
      case "cast": {
        const arg = this.#operand(node.inputs[0], aval.shape, forms, mask);
        return node.inputs[0].aval.dtype === aval.dtype ? arg : this.#cast(arg, aval.dtype);
      }
      case "bitcast": {
        const arg = this.#operand(node.inputs[0], aval.shape, forms, mask);
        return this.push({ kind: "bitcast", dtype: aval.dtype, from: node.inputs[0].aval.dtype, arg });
      }
      case "map": {
        const args = node.inputs.map((v) => this.#operand(v, aval.shape, forms, mask));
        return this.op(lowering.op, aval.dtype, args);
      }
      case "threefry": {
        const args = node.inputs.map((v) => this.#operand(v, aval.shape, forms, mask));
        const pair = this.#intern(
          `t${args.join()}`,
          () => ({ kind: "threefry", dtype: "uint32", args: args as [number, number, number, number] }),
        );
        return this.push({ kind: "part", dtype: "uint32", of: pair, index: output as 0 | 1 });
      }
      case "index":
        return this.#indexMap(node.inputs[0], lowering.map, forms, mask, aval.dtype);
      case "reshape":
        return this.#reshape(node.inputs[0], aval.shape, forms, mask);
      case "barrier":
        return this.value(node.inputs[0], forms, mask);
      case "gather":
        return this.#gather(node, lowering.axes, forms, mask);
      case "dynamicSlice":
        return this.#dynamicSlice(node, lowering.sizes, forms, mask);
      default:
        throw new Error(
          `A ${lowering.kind} (${node.primitive.name}) cannot be computed inside another kernel.`,
        );
    }
  }

  #cast(arg: number, dtype: DType): number {
    return this.push({ kind: "cast", dtype, from: this.statements[arg].dtype, arg });
  }

  /** An input of an elementwise node, broadcast. */
  #operand(variable: Variable, shape: Shape, forms: readonly LinearForm[], mask: number): number {
    const own = variable.aval.shape;
    const lead = shape.length - own.length;
    if (lead === 0 && own.every((size, i) => size === shape[i])) return this.value(variable, forms, mask);
    return this.value(
      variable,
      own.map((size, i) => size === 1 ? constantForm(0, this.#rank) : forms[i + lead]),
      mask,
    );
  }

  #indexMap(
    input: Variable,
    map: IndexMap,
    forms: readonly LinearForm[],
    mask: number,
    dtype: DType,
  ): number {
    const shape = input.aval.shape;
    let inner = composeIndexMap(map, forms, shape.length, this.#rank);
    if (map.fill === undefined) return this.value(input, inner, mask);
    let inside = -1;
    const require = (test: number) => inside = inside < 0 ? test : this.op("and", "bool", [inside, test]);
    inner = inner.map((form, axis) => {
      const every = map.every?.[axis] ?? 1;
      const [low, high] = boundsOf(form, this.#context.domain);
      if (low >= 0 && high <= (shape[axis] - 1) * every && every === 1) return form;
      const coordinate = this.formStatement(form);
      if (low < 0) require(this.op("ge", "bool", [coordinate, this.constant(0, "int32")]));
      if (high > (shape[axis] - 1) * every) {
        require(this.op("le", "bool", [coordinate, this.constant((shape[axis] - 1) * every, "int32")]));
      }
      if (every === 1) return form;
      const divisor = this.constant(every, "int32");
      const remainder = this.op("mod", "int32", [coordinate, divisor]);
      require(this.op("eq", "bool", [remainder, this.constant(0, "int32")]));
      return statementForm(this.op("floorDiv", "int32", [coordinate, divisor]), this.#rank);
    });
    if (inside < 0) return this.value(input, inner, mask);
    const both = mask < 0 ? inside : this.op("and", "bool", [mask, inside]);
    const value = this.value(input, inner, both);
    const read = this.statements[value];
    // A load says itself what it is where it reads nothing.
    if (read.kind === "load" && read.mask === both) {
      return Object.is(read.fill ?? 0, map.fill) ? value : this.push({ ...read, fill: map.fill });
    }
    return this.op("select", dtype, [inside, value, this.constant(map.fill, dtype)]);
  }

  #reshape(input: Variable, shape: Shape, forms: readonly LinearForm[], mask: number): number {
    const position = linearPosition(shape, forms, this.#rank);
    const node = input.node;
    if (!node || this.#context.isBuffer(input)) return this.load(input, position, mask, 0);
    const inner = composeSplit(input.aval.shape, shape, forms, this.#rank) ??
      splitPosition(input.aval.shape, position, this.#context.domain);
    if (inner) return this.value(input, inner, mask);
    if (this.#context.classes.get(node)!.lowering.kind === "constant") return this.value(input, [], mask);
    return this.value(input, this.#divide(input.aval.shape, position), mask);
  }

  /** Coordinates of a position by division, where nothing simpler is known. */
  #divide(shape: Shape, position: LinearForm): LinearForm[] {
    let rest = this.formStatement(position);
    const forms: LinearForm[] = new Array(shape.length);
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      if (axis === 0) forms[0] = statementForm(rest, this.#rank);
      else {
        const size = this.constant(shape[axis], "int32");
        forms[axis] = statementForm(this.op("mod", "int32", [rest, size]), this.#rank);
        rest = this.op("floorDiv", "int32", [rest, size]);
      }
    }
    return forms;
  }

  /** An int32 statement clamped into [0, high]. */
  #clamp(statement: number, high: number): number {
    const low = this.op("maximum", "int32", [statement, this.constant(0, "int32")]);
    return this.op("minimum", "int32", [low, this.constant(Math.max(0, high), "int32")]);
  }

  #gather(node: Node, axes: readonly number[], forms: readonly LinearForm[], mask: number): number {
    const [input, ...indices] = node.inputs;
    const shape = input.aval.shape;
    const places = indices[0].aval.shape.length;
    const inner: LinearForm[] = new Array(shape.length);
    axes.forEach((axis, i) => {
      const index = this.value(indices[i], forms.slice(0, places), mask);
      inner[axis] = statementForm(this.#clamp(index, shape[axis] - 1), this.#rank);
    });
    let next = places;
    for (let axis = 0; axis < shape.length; axis++) if (!inner[axis]) inner[axis] = forms[next++];
    return this.value(input, inner, mask);
  }

  #dynamicSlice(node: Node, sizes: readonly number[], forms: readonly LinearForm[], mask: number): number {
    const [input, ...starts] = node.inputs;
    const shape = input.aval.shape;
    const inner = shape.map((size, axis) => {
      if (size === sizes[axis]) return forms[axis];
      const start = this.value(starts[axis], [], -1);
      const first = this.#clamp(start, size - sizes[axis]);
      return addScaled(statementForm(first, this.#rank), forms[axis], 1);
    });
    return this.value(input, inner, mask);
  }
}
