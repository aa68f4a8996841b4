/** What Deno alone takes. */
