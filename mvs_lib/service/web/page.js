// The page: photo -> square -> code -> server -> answer.

import { openCamera } from "./camera.js";
import { decode, show, square } from "./photo.js";
import { about, ask } from "./service.js";

const part = (name) => document.getElementById(name);
const ms = (value) => `${value.toFixed(1)} ms`;
let server, encode;
let busy = false;

async function start() {
  server = await about();
  part("bytes").textContent = server.bytes;
  part("known").textContent = `${server.photos} photos of ${server.places} places`;
  const { loadEncoder } = await import("./encoder.js");
  encode = await loadEncoder(server);
  for (const name of ["open", "take", "choose"]) part(name).disabled = false;
  part("state").textContent = "The encoder is ready.";
}

// Recognise the picture that `take` gives, and show the answer or what went wrong.
async function recognise(take) {
  if (busy) return;
  busy = true;
  part("trouble").textContent = "";
  part("answer").textContent = "Looking …";
  try {
    const begun = performance.now();
    const picture = await take();
    const pixels = square(picture, server.size);
    picture.close();
    const prepared = performance.now();
    const code = await encode(pixels);
    const encoded = performance.now();
    const answer = await ask(code);
    tell(answer, code, pixels, prepared - begun, encoded - prepared);
  } catch (error) {
    part("answer").textContent = "No answer.";
    part("trouble").textContent = error.message;
  }
  busy = false;
}

function tell(answer, code, pixels, prepareMs, encodeMs) {
  const far = answer.distance > server.bits / 4;
  part("answer").textContent =
    `${answer.place}: ${answer.distance} of ${server.bits} bits differ from its nearest photo. ` +
    `${code.length} bytes sent.` +
    (far ? " That is far: it may be none of the places known here." : "");
  part("sent").textContent = `${code.length} bytes`;
  const hex = Array.from(code, (byte) => byte.toString(16).padStart(2, "0"));
  part("code").textContent = hex.join(" ");
  part("prepare-ms").textContent = ms(prepareMs);
  part("encode-ms").textContent = ms(encodeMs);
  part("network-ms").textContent = ms(Math.max(0, answer.trip_ms - answer.search_ms));
  part("search-ms").textContent = ms(answer.search_ms);
  const others = answer.alternatives.map((each) => `${each.place}: ${each.distance} bits`);
  part("others").replaceChildren(
    ...(others.length ? others : ["No other: all the nearest photos show this place."]).map(line),
  );
  show(pixels, server.size, part("seen"));
  part("details").hidden = false;
  part("answer").scrollIntoView({ block: "nearest" });
}

function line(text) {
  const made = document.createElement("li");
  made.textContent = text;
  return made;
}

part("open").addEventListener("click", async () => {
  part("camera-trouble").textContent = "";
  try {
    await openCamera(part("view"));
  } catch (error) {
    part("camera-trouble").textContent = error.message;
    return;
  }
  part("view").hidden = part("look").hidden = false;
  part("look").focus();  // before its neighbour goes, or the keyboard's place is lost
  part("open").hidden = true;
});
part("look").addEventListener("click", () => recognise(() => createImageBitmap(part("view"))));
for (const name of ["take", "choose"]) {
  part(name).addEventListener("change", async ({ target }) => {
    const [file] = target.files;
    if (file) await recognise(() => decode(file));
    target.value = "";  // so that the same file may be chosen again
  });
}

start().catch((error) => {
  part("state").textContent = `The encoder cannot be loaded in this browser: ${error.message}`;
});
