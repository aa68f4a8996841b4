/** The names of a function's parameters, read from its source: errors and graphs then speak the user's words. */

type AnyFunction = (...args: never[]) => unknown;

/** The names of functions that somebody asked for, or the function that has them. */
const known = new WeakMap<object, readonly (string | undefined)[] | AnyFunction>();

/** One name per parameter; undefined for patterns such as `{ a, b }`, and past what could be read. */
function parameterNames(fn: (...args: never[]) => unknown): readonly (string | undefined)[] {
  let names = known.get(fn);
  if (typeof names === "function") known.set(fn, names = parameterNames(names));
  else if (!names) known.set(fn, names = readNames(Function.prototype.toString.call(fn)));
  return names;
}

/** The name of parameter `position`; where it has none, such as `{ a, b }`, what it stands for. */
export function parameterName(
  fn: (...args: never[]) => unknown,
  position: number,
  otherwise: string = `args[${position}]`,
): string {
  return parameterNames(fn)[position] ?? otherwise;
}

/** What messages call a function. */
export function functionName(fn: (...args: never[]) => unknown): string {
  return fn.name || "an anonymous function";
}

/** Gives a wrapper the parameter names of the function it stands for, and a name made from that one's. */
export function adoptNames<F extends (...args: never[]) => unknown>(
  wrapper: F,
  fn: (...args: never[]) => unknown,
  transform: string,
): F {
  known.set(wrapper, fn);
  Object.defineProperty(wrapper, "name", { value: fn.name ? `${transform}(${fn.name})` : transform });
  return wrapper;
}

function readNames(source: string): (string | undefined)[] {
  const single = /^(?:async\s+)?([A-Za-z_$][\w$]*)\s*=>/.exec(source);
  if (single) return [single[1]];
  const open = source.indexOf("(");
  if (open < 0 || /native code/.test(source)) return [];
  const names: (string | undefined)[] = [];
  let depth = 0, start = open + 1;
  for (let i = open; i < source.length; i++) {
    const character = source[i];
    if (character === '"' || character === "'" || character === "`") {
      // A default value with a text in it: skip to the end of the text.
      for (i++; i < source.length && source[i] !== character; i++) if (source[i] === "\\") i++;
    } else if ("([{".includes(character)) depth++;
    else if (")]}".includes(character)) depth--;
    const ends = depth === 0 || (depth === 1 && character === ",");
    if (!ends) continue;
    const text = source.slice(start, i).replace(/\/\*[\s\S]*?\*\/|\/\/.*$/gm, "").trim();
    if (text) names.push(/^([A-Za-z_$][\w$]*)\s*(?:=|$)/.exec(text)?.[1]);
    start = i + 1;
    if (depth === 0) break;
  }
  return names;
}
