/** Linear forms over the coordinates of a kernel's domain: how positions are composed through index maps. */

/** offset + sum of coefficients[axis] * coordinate[axis] + sum of scale * statement. */
export interface LinearForm {
  readonly offset: number;
  /** One per axis of the domain. */
  readonly coefficients: readonly number[];
  /** Run-time parts: int32 statements of the kernel. */
  readonly terms: readonly { readonly statement: number; readonly scale: number }[];
}

const NO_TERMS: LinearForm["terms"] = [];

export function constantForm(value: number, rank: number): LinearForm {
  return { offset: value, coefficients: new Array<number>(rank).fill(0), terms: NO_TERMS };
}

export function axisForm(axis: number, rank: number): LinearForm {
  const coefficients = new Array<number>(rank).fill(0);
  coefficients[axis] = 1;
  return { offset: 0, coefficients, terms: NO_TERMS };
}

export function statementForm(statement: number, rank: number): LinearForm {
  return { offset: 0, coefficients: new Array<number>(rank).fill(0), terms: [{ statement, scale: 1 }] };
}

/** form + scale * other. */
export function addScaled(form: LinearForm, other: LinearForm, scale: number): LinearForm {
  if (scale === 0) return form;
  return {
    offset: form.offset + scale * other.offset,
    coefficients: form.coefficients.map((c, i) => c + scale * other.coefficients[i]),
    terms: other.terms.length === 0
      ? form.terms
      : [...form.terms, ...other.terms.map((t) => ({ statement: t.statement, scale: t.scale * scale }))],
  };
}

/** The least and greatest value over the domain; infinite when a part is known only at run time. */
export function boundsOf(form: LinearForm, domain: readonly number[]): readonly [number, number] {
  if (form.terms.length > 0) return [-Infinity, Infinity];
  let low = form.offset, high = form.offset;
  form.coefficients.forEach((c, axis) => {
    const reach = c * Math.max(0, domain[axis] - 1);
    if (reach < 0) low += reach;
    else high += reach;
  });
  return [low, high];
}

/** A text equal for equal forms. */
export function formKey(form: LinearForm): string {
  let key = `${form.offset}`;
  for (const c of form.coefficients) key += `,${c}`;
  for (const t of form.terms) key += `;${t.statement}*${t.scale}`;
  return key;
}
