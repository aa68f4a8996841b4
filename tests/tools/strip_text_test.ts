import { assertEquals } from "@std/assert";
import { stripText } from "../../tools/strip_text.ts";

Deno.test("comments, indentation and spaces beside signs go; lines, names and what is quoted stay", () => {
  const text = `/** A comment
 * of lines. */
function f(a, b) {
  // It divides / by "b".
  const c = a / b / 2, d = "a  // b", e = 'it\\'s /* kept */';
  return typeof c + - d;
}
`;
  assertEquals(
    stripText(text),
    `function f(a,b){
const c=a / b / 2,d="a  // b",e='it\\'s /* kept */';
return typeof c + - d;
}
`,
  );
});

Deno.test("templates keep every character, and code inside of them is code", () => {
  const text = "const a = `  x = ${ f({ b : `  // ${ 1 + 1 }  ` }) } ; \\`  \n  y // z`;\n  b ( a );\n";
  assertEquals(
    stripText(text),
    "const a=`  x = ${f({b:`  // ${1 + 1}  `})} ; \\`  \n  y // z`;\nb(a);\n",
  );
});

Deno.test("regular expressions with quotes and slashes are not taken for others", () => {
  const text = 'const a = /["\'`/*]  \\/ = / .test(x) , b = y / z , c = "/  /" ;\nreturn /  `/;\n';
  assertEquals(stripText(text), 'const a=/["\'`/*]  \\/ = / .test(x),b=y / z,c="/  /";\nreturn /  `/;\n');
});

Deno.test("what has no end, because it was taken for what it is not, ends with the text", () => {
  for (const open of ["'a  b", '"a  b\\', "`a  b", "`a ${ b", "x = /a  [b/", "/* a  b", "/*/ a"]) {
    stripText(open);
  }
  assertEquals(stripText("const a = 'b  c"), "const a='b  c");
  assertEquals(stripText("a /*/ b */ c"), "a   c");
});
