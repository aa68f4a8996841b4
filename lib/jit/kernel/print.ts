/** Kernels as text: what the snapshots of tests show and what is read when a kernel is wrong. */
import type { Contraction, Convolution, Index, Kernel, Nest, Operand, Statement, Store } from "./kernel.ts";

/** A kernel as text. */
export function printKernel(kernel: Kernel): string {
  switch (kernel.kind) {
    case "nest":
      return printNest(kernel);
    case "contraction":
      return printContraction(kernel);
    case "convolution":
      return printConvolution(kernel);
    default: {
      const { kind, operands, ...options } = kernel;
      const list = Object.entries(options).map(([name, value]) => `${name}=${JSON.stringify(value)}`);
      return block(`${kind} ${list.join(" ")}`, operands.map(printOperand));
    }
  }
}

function block(head: string, lines: readonly string[]): string {
  return [`${head} {`, ...lines.map((line) => `  ${line}`), "}"].join("\n");
}

function printOperand({ dtype, access }: Operand, i: number): string {
  return `a${i}: ${access} ${dtype}`;
}

function printNest(nest: Nest): string {
  const { domain, rowRank, operands, statements, reductions, stores } = nest;
  const lines = operands.map(printOperand);
  statements.forEach((s, i) => lines.push(printStatement(s, i)));
  for (let pass = 0; pass < nest.passes; pass++) {
    reductions.forEach((r, i) => {
      if (r.pass !== pass) return;
      const at = r.position === undefined ? "" : ` at v${r.position}`;
      lines.push(`pass ${pass}: r${i}: ${r.dtype} = ${r.combiner} of v${r.value}${at}`);
    });
    for (const store of stores) if (store.pass === pass) lines.push(`pass ${pass}: ${printStore(store)}`);
  }
  const rows = domain.slice(0, rowRank).join(", "), columns = domain.slice(rowRank).join(", ");
  return block(`nest [${rows} | ${columns}]`, lines);
}

function printContraction(kernel: Contraction): string {
  const { batch, m, n, k, a, b, epilogue } = kernel;
  const lines = kernel.operands.map(printOperand);
  for (const [name, side] of [["a", a], ["b", b]] as const) {
    const batchTerms = side.batchStrides.map((stride, i) => `${stride} i${i}`);
    const terms = [...batchTerms, `${side.freeStride} ${name === "a" ? "m" : "n"}`, `${side.sumStride} k`];
    lines.push(`${name} = a${side.operand}[${[side.offset, ...terms].join(" + ")}]`);
    side.prologue.forEach((s, i) => lines.push(`  ${printStatement(s, i)}`));
  }
  epilogue.statements.forEach((s, i) => lines.push(printStatement(s, i)));
  for (const store of epilogue.stores) lines.push(printStore(store));
  return block(`contraction ${kernel.dtype} batch [${batch.join(", ")}] m ${m} n ${n} k ${k}`, lines);
}

function printConvolution(kernel: Convolution): string {
  const { kind, operands, epilogue, ...options } = kernel;
  const list = Object.entries(options).map(([name, value]) => `${name}=${JSON.stringify(value)}`);
  const lines = operands.map(printOperand);
  epilogue.statements.forEach((s, i) => lines.push(printStatement(s, i)));
  for (const store of epilogue.stores) lines.push(printStore(store));
  return block(`${kind} ${list.join(" ")}`, lines);
}

/** `a0[3 + 5 i0 - i1 + 2 v4]`. */
function printPlace(operand: number, { offset, strides, dynamic }: Index): string {
  const terms: [number, string][] = strides.map((stride, axis) => [stride, `i${axis}`]);
  for (const { statement, stride } of dynamic) terms.push([stride, `v${statement}`]);
  let text = offset === 0 ? "" : String(offset);
  for (const [factor, name] of terms) {
    if (factor === 0) continue;
    const size = Math.abs(factor) === 1 ? name : `${Math.abs(factor)} ${name}`;
    const sign = factor < 0 ? "-" : "+";
    text += text === "" ? (factor < 0 ? `-${size}` : size) : ` ${sign} ${size}`;
  }
  return `a${operand}[${text || "0"}]`;
}

function printNumber(value: number): string {
  return Object.is(value, -0) ? "-0" : String(value);
}

function printStatement(s: Statement, i: number): string {
  const values = (list: readonly number[]): string => list.map((v) => `v${v}`).join(", ");
  const target = `v${i}: ${s.dtype} =`;
  switch (s.kind) {
    case "constant":
      return `${target} ${printNumber(s.value)}`;
    case "coordinate":
      return `${target} i${s.axis}`;
    case "load": {
      const masked = s.mask === undefined ? "" : ` if v${s.mask} else ${printNumber(s.fill ?? 0)}`;
      return `${target} ${printPlace(s.operand, s.index)}${masked}`;
    }
    case "op":
      return `${target} ${s.op} ${values(s.args)}`;
    case "cast":
    case "bitcast":
      return `${target} ${s.kind} v${s.arg}`;
    case "threefry":
      return `${target} threefry ${values(s.args)}`;
    case "part":
      return `${target} part ${s.index} of v${s.of}`;
    case "reduced":
      return `${target} r${s.reduction}`;
  }
}

function printStore({ operand, index, value, mask, mode, perRow }: Store): string {
  const condition = mask === undefined ? "" : ` if v${mask}`;
  const where = perRow ? " per row" : "";
  return `${printPlace(operand, index)} ${mode === "add" ? "+=" : "="} v${value}${condition}${where}`;
}
