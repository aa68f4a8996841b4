/** Functions of a module that routines share. */
import type { ValueType } from "../assembler/mod.ts";
import type { ModuleContext } from "../nest/mod.ts";
import { Code, type RoutineDType } from "./code.ts";
import { Expression, type Kind, type Operand, type Variable } from "./expression.ts";

/** A function of the module in this language. */
export interface Procedure {
  readonly index: number;
  /** Calls it for its effect. */
  run(code: Code, ...args: readonly Operand[]): void;
  /** Calls it for its result. */
  call(code: Code, ...args: readonly Operand[]): Expression;
}

/** A function shared by all routines of the module. */
export function procedure(
  context: ModuleContext,
  dtype: RoutineDType,
  name: string,
  params: readonly Kind[],
  result: Kind | null,
  body: (code: Code, ...params: Variable[]) => Expression | void,
): Procedure {
  const types = (kinds: readonly Kind[]): ValueType[] =>
    kinds.map((kind) =>
      kind === "int" ? "i32" : kind === "vector" ? "v128" : dtype === "float64" ? "f64" : "f32"
    );
  const f = context.helper(`${name}:${dtype}`, () => {
    const type = { params: types(params), results: types(result === null ? [] : [result]) };
    const builder = context.module.addFunction(type);
    const code = new Code(context, builder, dtype);
    const value = body(code, ...params.map((kind, i) => code.parameter(kind, i)));
    if (value) value.push();
    return builder;
  });
  const push = (code: Code, args: readonly Operand[]): void => {
    args.forEach((argument, i) => code.of(params[i], argument).push());
    code.f.call(f.index);
  };
  return {
    index: f.index,
    run: (code, ...args) => push(code, args),
    call: (code, ...args) => new Expression(code, result!, () => push(code, args)),
  };
}
