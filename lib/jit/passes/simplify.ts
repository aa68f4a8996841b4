/** Simplification: the algebraic, move and reduction rules, applied until nothing changes. */
import { countUses, type Graph, type Variable } from "../../trace/graph.ts";
import { prune } from "../../trace/prune.ts";
import { elementwise } from "../../trace/primitives/elementwise.ts";
import { type Pass, rewriteGraph } from "../../trace/rewrite.ts";
import { arithmeticRules } from "./arithmetic_rules.ts";
import { implicitBroadcast, moveRules } from "./move_rules.ts";
import { reduceRules } from "./reduce_rules.ts";

/** Rules feed one another; in practice two or three rounds reach the end. */
const MAX_ROUNDS = 6;

const RULES = { ...moveRules, ...reduceRules, ...arithmeticRules };

export const simplify: Pass = {
  name: "simplify",
  run(graph: Graph): Graph {
    let current = graph;
    for (let round = 0; round < MAX_ROUNDS; round++) {
      const counts = countUses(current);
      const uses = (variable: Variable) => counts.get(variable) ?? 0;
      const next = prune(rewriteGraph(current, (node, inputs) => {
        const { name } = node.primitive;
        const context = { node, inputs, uses };
        if (Object.hasOwn(elementwise, name)) {
          const bare = implicitBroadcast(context);
          if (bare) return bare;
        }
        return Object.hasOwn(RULES, name) ? RULES[name](context) : null;
      }));
      if (next === current) break;
      current = next;
    }
    return current;
  },
};
