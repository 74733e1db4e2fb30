// What the page asks the server. A code is all that is ever sent.

// About the encoder and the places: {bits, bytes, size, places, photos}.
export async function about() {
  const reply = await fetch("/about.json");
  if (!reply.ok) throw new Error(`The server does not answer as it should (${reply.status}).`);
  return reply.json();
}

// Send a code; returns {place, distance, alternatives, search_ms} and the round trip in ms.
export async function ask(code) {
  const start = performance.now();
  let reply;
  try {
    reply = await fetch("/recognize", {
      method: "POST",
      headers: { "Content-Type": "application/octet-stream" },
      body: code,
    });
  } catch {
    throw new Error("The server cannot be reached: is this device still in its network?");
  }
  const answer = await reply.json().catch(() => ({}));
  if (!reply.ok) throw new Error(answer.error ?? `The server refused (${reply.status}).`);
  return { ...answer, trip_ms: performance.now() - start };
}
