// Shrinking by averaging areas, as Pillow's box filter does it (libImaging/Resample.c): weights in
// whole numbers of 22 bits, rows first, then columns, each rounded to 8 bits. The same photo must
// give the same pixels here as in the course's Python, or it would not have the same bits.

const PRECISION = 22;
const HALF = 1 << (PRECISION - 1);

// What each of `size` output pixels takes from `length` input pixels: the first one, and the
// weights of that one and of those after it.
export function boxWeights(length, size) {
  const scale = length / size;
  const support = 0.5 * Math.max(scale, 1);
  const made = [];
  for (let i = 0; i < size; i++) {
    const center = (i + 0.5) * scale;
    const first = Math.max(0, Math.trunc(center - support + 0.5));
    const end = Math.min(length, Math.trunc(center + support + 0.5));
    const inside = [];
    for (let x = first; x < end; x++) {
      const distance = (x - center + 0.5) * (0.5 / support);
      inside.push(distance > -0.5 && distance <= 0.5 ? 1 : 0);
    }
    const total = inside.reduce((sum, each) => sum + each, 0);
    const weights = inside.map((each) => Math.trunc(0.5 + (each / total) * 2 ** PRECISION));
    made.push({ first, weights: Int32Array.from(weights) });
  }
  return made;
}

// Shrink each of `rows` rows of RGBA pixels, `width` wide, to RGB at `out` from byte `offset` on.
export function shrinkRows(rgba, width, rows, columns, out, offset) {
  let to = offset;
  for (let row = 0; row < rows; row++) {
    for (const { first, weights } of columns) {
      let red = HALF, green = HALF, blue = HALF;
      let from = 4 * (row * width + first);
      for (let i = 0; i < weights.length; i++, from += 4) {
        red += rgba[from] * weights[i];
        green += rgba[from + 1] * weights[i];
        blue += rgba[from + 2] * weights[i];
      }
      out[to++] = Math.min(red >> PRECISION, 255);
      out[to++] = Math.min(green >> PRECISION, 255);
      out[to++] = Math.min(blue >> PRECISION, 255);
    }
  }
}

// Shrink columns: RGB rows of `stride` bytes each to as many rows as `lines` has.
export function shrinkColumns(rgb, stride, lines) {
  const out = new Uint8Array(lines.length * stride);
  let to = 0;
  for (const { first, weights } of lines) {
    for (let column = 0; column < stride; column++) {
      let sum = HALF;
      let from = first * stride + column;
      for (let i = 0; i < weights.length; i++, from += stride) sum += rgb[from] * weights[i];
      out[to++] = Math.min(sum >> PRECISION, 255);
    }
  }
  return out;
}
