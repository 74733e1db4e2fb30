// The encoder: the same ONNX file that the course's Python phone runs, on WebAssembly.

import * as ort from "/runtime/ort.wasm.bundle.min.mjs";

// One thread: more would need cross-origin isolation, which a page over plain http cannot have.
ort.env.wasm.numThreads = 1;
ort.env.wasm.wasmPaths = { wasm: "/runtime/ort-wasm-simd-threaded.wasm" };

// Load it; returns a function from RGB bytes (size x size x 3) to the code's bytes.
export async function loadEncoder(about) {
  const reply = await fetch("/encoder.onnx");
  if (!reply.ok) throw new Error(`The encoder's file cannot be loaded (${reply.status}).`);
  const model = new Uint8Array(await reply.arrayBuffer());
  const session = await ort.InferenceSession.create(model, { executionProviders: ["wasm"] });
  const shape = [1, about.size, about.size, 3];

  async function encode(pixels) {
    const photo = new ort.Tensor("uint8", pixels, shape);
    const { codes } = await session.run({ photo }, ["codes"]);
    return new Uint8Array(codes.data);
  }

  await encode(new Uint8Array(about.size * about.size * 3));  // the first run is a slow one
  return encode;
}
