/** A real browser for tests of pages: headless Chromium, where it is installed. */

/** The program, or undefined where there is none. */
export const CHROMIUM: string | undefined = [
  "/usr/bin/chromium",
  "/usr/bin/chromium-browser",
  "/usr/bin/google-chrome",
]
  .find((path) => {
    try {
      return Deno.statSync(path).isFile;
    } catch {
      return false;
    }
  });

const FLAGS = [
  "--headless",
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  "--hide-scrollbars",
];

async function run(folder: string, flags: readonly string[], page: string): Promise<string> {
  const { stdout, success, stderr } = await new Deno.Command(CHROMIUM!, {
    args: [...FLAGS, `--user-data-dir=${folder}/profile`, ...flags, `file://${page}`],
    stdout: "piped",
    stderr: "piped",
  }).output();
  if (!success) throw new Error(new TextDecoder().decode(stderr));
  return new TextDecoder().decode(stdout);
}

/** Opens `html`, runs `script` in the page (its own function body), and gives what the script returns, as JSON. */
export async function inPage<T>(html: string, script: string): Promise<T> {
  const folder = await Deno.makeTempDir();
  const page = `${folder}/page.html`;
  const act = `<script>
addEventListener("load", () => {
  const report = document.createElement("pre");
  report.id = "report";
  try { report.textContent = JSON.stringify((() => { ${script} })()); }
  catch (error) { report.textContent = JSON.stringify({ error: String(error.stack) }); }
  document.body.replaceChildren(report);
});
</script>`;
  await Deno.writeTextFile(page, html.replace("</body>", () => `${act}</body>`));
  const dom = await run(folder, ["--window-size=1500,950", "--dump-dom"], page);
  const report = /<pre id="report">([\s\S]*?)<\/pre>/.exec(dom);
  if (!report) throw new Error(`The page reported nothing: ${dom.slice(0, 2000)}`);
  const text = report[1].replaceAll("&lt;", "<").replaceAll("&gt;", ">").replaceAll("&amp;", "&");
  const value = JSON.parse(text);
  if (value?.error) throw new Error(value.error);
  return value;
}

/** A picture of the page as PNG bytes. */
export async function screenshot(html: string, width: number, height: number): Promise<Uint8Array> {
  const folder = await Deno.makeTempDir();
  const page = `${folder}/page.html`, file = `${folder}/page.png`;
  await Deno.writeTextFile(page, html);
  await run(folder, [`--window-size=${width},${height}`, `--screenshot=${file}`], page);
  return await Deno.readFile(file);
}
