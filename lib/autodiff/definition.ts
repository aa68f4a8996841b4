/** What users hand over to define an operation: its name and functions, checked before anything is made of them. */
import { DamoError } from "../trace/errors.ts";

export interface DefinitionParts {
  readonly required: readonly string[];
  readonly optional?: readonly string[];
}

/** Refuses a definition without a name, or with something else where a function belongs. */
export function checkDefinition(
  operation: string,
  definition: object,
  { required, optional = [] }: DefinitionParts,
): void {
  const parts = (definition ?? {}) as { readonly [key: string]: unknown };
  if (typeof parts.name !== "string" || parts.name === "") {
    throw new DamoError(`${operation}: the operation has no name.`, {
      operation,
      arguments: [{ name: "name", value: parts.name }],
      remedy: "Give { name }, by which graphs, errors and profiles show it.",
    });
  }
  for (const key of [...required, ...optional]) {
    const part = parts[key];
    if (typeof part === "function" || (part === undefined && optional.includes(key))) continue;
    throw new DamoError(
      `${operation}: ${key} of ${parts.name} must be a function, ${
        part === undefined ? "and is missing" : `got ${part === null ? "null" : typeof part}`
      }.`,
      {
        operation,
        arguments: [{ name: key, value: part }],
        remedy: `Give { ${key} } as a function.`,
      },
    );
  }
}
