/** Whether a missing adapter fails the tests: where DAMO_REQUIRE_WEBGPU is set. */
export function isWebGpuRequired(): boolean {
  try {
    return Boolean(Deno.env.get("DAMO_REQUIRE_WEBGPU"));
  } catch {
    return false;
  }
}
