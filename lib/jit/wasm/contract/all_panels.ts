/** A whole operand in panels, which a product then reads instead of packing it. */

import type { ModuleBuilder } from "../assembler/mod.ts";
import { elements } from "./element.ts";
import { packFunction } from "./panel_parts.ts";
import { ceilTo, emitRest } from "./panels.ts";
import { panelSizes } from "./plan.ts";
import type { ContractSpec, PanelOperand } from "./spec.ts";

/** Equal for products whose panels of an operand are the same. */
export function formOfPanels(spec: ContractSpec, operand: PanelOperand): string {
  const { tileRows, tileVectors, blockDepth } = panelSizes(spec);
  const { rows, columns, depth } = spec;
  const { outer, depth: depthStep } = spec[operand];
  const sizes = operand === "a" ? `a ${rows}x${depth} ${tileRows}` : `b ${columns}x${depth} ${tileVectors}`;
  return `${elements[spec.dtype].bytes} ${sizes} ${outer} ${depthStep} ${blockDepth}`;
}

/**
 * Emits `pack(operand, panels)`, which brings a whole operand into panels, and returns its index: blocks of depth one
 * behind the other, in each of them the panels side by side.
 */
export function emitAllPanels(module: ModuleBuilder, spec: ContractSpec, operand: PanelOperand): number {
  const sizes = panelSizes(spec);
  const { bytes, lanes } = elements[spec.dtype];
  // A panel of A is as high as a tile and its last one may be less; those of B end with whole vectors.
  const width = operand === "a" ? sizes.tileRows : sizes.tileVectors * lanes;
  const size = operand === "a" ? spec.rows : spec.columns;
  const rest = size % width;
  const { outer, depth: depthStep } = spec[operand];
  const pack = (width: number, count: number, wanted: boolean): number =>
    wanted ? packFunction(module, spec, operand, width, count).callee.index : -1;
  const packFull = pack(width, width, size >= width);
  const packRest = pack(operand === "a" ? rest : ceilTo(rest, lanes), rest, rest > 0);
  const f = module.addFunction({ params: ["i32", "i32"], results: [] });
  const [first, target] = [0, 1];
  const depth = f.local("i32"), depths = f.local("i32"), depthEnd = f.local("i32"), source = f.local("i32");
  const at = f.local("i32"), limit = f.local("i32");
  f.i32Const(spec.depth).localSet(depthEnd);
  f.forLoop(depth, depthEnd, sizes.blockDepth, () => {
    emitRest(f, depthEnd, depth, sizes.blockDepth).localSet(depths);
    f.localGet(first).localGet(depth).i32Const(depthStep * bytes).i32Mul().i32Add().localSet(source);
    f.i32Const(0).localSet(at);
    const panel = (index: number, places: number): void => {
      f.localGet(source).localGet(target).localGet(depths).call(index);
      f.localGet(target).localGet(depths).i32Const(places * bytes).i32Mul().i32Add().localSet(target);
      f.localGet(source).i32Const(width * outer * bytes).i32Add().localSet(source);
    };
    if (packFull >= 0) {
      f.i32Const(size - rest).localSet(limit);
      f.forLoop(at, limit, width, () => panel(packFull, width));
    }
    if (packRest >= 0) panel(packRest, operand === "a" ? rest : width);
  });
  return f.index;
}
