/** What a node really reads: the values behind the virtual nodes among its inputs, and how it addresses them. */
import type { Node, Variable } from "../../trace/graph.ts";
import type { Shape } from "../../trace/shape.ts";
import { type Classified, splitGroups } from "./classify.ts";

/**
 * For each axis of a variable: the axis of the consumer's domain whose coordinate it is, BROADCAST where it is
 * always 0, or OTHER for anything else.
 */
export type AxisMap = readonly number[];
const BROADCAST: number = -1;
export const OTHER: number = -2;

export interface Source {
  readonly variable: Variable;
  readonly map: AxisMap;
}

/** Coordinates of `input`, broadcast to a domain of `rank` axes, right-aligned. */
export function broadcastMap(input: Shape, domain: Shape): number[] {
  const lead = domain.length - input.length;
  return input.map((size, axis) => size === 1 && domain[axis + lead] !== 1 ? BROADCAST : axis + lead);
}

/** Calls `visit` for every non-virtual value (and graph input) that `node` reads, over the domain of its output. */
export function visitSources(
  node: Node,
  classes: ReadonlyMap<Node, Classified>,
  materialized: ReadonlySet<Variable>,
  visit: (source: Source) => void,
): void {
  const domain = node.outputs[0].aval.shape;
  const stack: { node: Node; map: AxisMap }[] = [{ node, map: domain.map((_, i) => i) }];
  while (stack.length > 0) {
    const { node: current, map } = stack.pop()!;
    forEachInput(current, classes.get(current)!, map, (variable, inputMap) => {
      const producer = variable.node;
      if (producer && !materialized.has(variable) && classes.get(producer)!.role === "virtual") {
        stack.push({ node: producer, map: inputMap });
      } else visit({ variable, map: inputMap });
    });
  }
}

/** The inputs of one node, with the map of the domain through the node. */
function forEachInput(
  node: Node,
  { lowering }: Classified,
  map: AxisMap,
  visit: (variable: Variable, map: AxisMap) => void,
): void {
  const shape = node.outputs[0].aval.shape;
  switch (lowering.kind) {
    case "index": {
      const inputShape = node.inputs[0].aval.shape;
      const inputMap = inputShape.map((size) => size === 1 ? BROADCAST : OTHER);
      const { axis, step, start, fill, every } = lowering.map;
      if (fill === undefined && every === undefined) {
        const feeding = new Array<number>(inputShape.length).fill(0);
        axis.forEach((a, d) => {
          if (a >= 0 && shape[d] !== 1) feeding[a]++;
        });
        inputShape.forEach((size, a) => {
          if (size === 1) return;
          if (feeding[a] === 0) return;
          const d = axis.findIndex((x, i) => x === a && shape[i] !== 1);
          if (feeding[a] === 1 && step[d] === 1 && start[a] === 0 && shape[d] === size) inputMap[a] = map[d];
        });
      }
      visit(node.inputs[0], inputMap);
      return;
    }
    case "reshape": {
      const inputShape = node.inputs[0].aval.shape;
      const groups = splitGroups(inputShape, shape);
      visit(
        node.inputs[0],
        inputShape.map((size, a) => {
          if (size === 1) return BROADCAST;
          if (!groups) return OTHER;
          const [begin, end] = groups[a];
          for (let d = begin; d < end; d++) if (shape[d] === size) return map[d];
          return OTHER;
        }),
      );
      return;
    }
    case "barrier":
      visit(node.inputs[0], map);
      return;
    case "gather": {
      const rank = node.inputs[1].aval.shape.length;
      visit(node.inputs[0], node.inputs[0].aval.shape.map(() => OTHER));
      for (const index of node.inputs.slice(1)) {
        visit(
          index,
          index.aval.shape.map((_, i) => i < rank ? map[i] : OTHER),
        );
      }
      return;
    }
    case "dynamicSlice": {
      visit(node.inputs[0], node.inputs[0].aval.shape.map(() => OTHER));
      for (const start of node.inputs.slice(1)) visit(start, []);
      return;
    }
    case "reduce":
      // The domain of a reduction is that of its input.
      visit(node.inputs[0], node.inputs[0].aval.shape.map((_, i) => i));
      return;
    default:
      for (const input of node.inputs) {
        visit(
          input,
          broadcastMap(input.aval.shape, shape).map((axis) => axis < 0 ? axis : map[axis]),
        );
      }
  }
}

/**
 * True when a member of a group is read at the point (or row) of the group's domain for which its reader is computed.
 * Both give, for each of their axes, the axis of the group's domain it runs along.
 */
export function readsSamePoint(
  source: Source,
  reader: readonly number[],
  member: readonly number[],
): boolean {
  const { map, variable } = source;
  return map.length === member.length &&
    map.every((axis, i) => variable.aval.shape[i] === 1 || (axis >= 0 && reader[axis] === member[i]));
}
