// From a photo file or the camera's picture to the square of pixels that the encoder takes.

import { boxWeights, shrinkColumns, shrinkRows } from "./resample.js";

const STRIP = 256;  // rows read at once: a phone's photo has more pixels than one canvas may have

// Decode a file as the course's Python does: upright as EXIF says, and without a colour profile.
export async function decode(file) {
  try {
    return await createImageBitmap(file, {
      imageOrientation: "from-image",
      colorSpaceConversion: "none",
    });
  } catch {
    throw new Error("This file cannot be read as a photo: choose a JPEG, PNG or WebP file.");
  }
}

// The largest centred square of an ImageBitmap, as RGB bytes, size x size x 3.
export function square(picture, size) {
  const side = Math.min(picture.width, picture.height);
  const left = Math.floor((picture.width - side) / 2);
  const top = Math.floor((picture.height - side) / 2);
  const weights = boxWeights(side, size);
  const narrow = new Uint8Array(side * size * 3);
  const canvas = document.createElement("canvas");
  canvas.width = side;
  canvas.height = Math.min(STRIP, side);
  const pen = canvas.getContext("2d", { willReadFrequently: true });
  pen.imageSmoothingEnabled = false;
  pen.fillStyle = "white";  // what is transparent becomes white
  for (let y = 0; y < side; y += STRIP) {
    const rows = Math.min(STRIP, side - y);
    pen.fillRect(0, 0, side, rows);
    pen.drawImage(picture, left, top + y, side, rows, 0, 0, side, rows);
    const { data } = pen.getImageData(0, 0, side, rows);
    shrinkRows(data, side, rows, weights, narrow, y * size * 3);
  }
  return shrinkColumns(narrow, size * 3, weights);
}

// Show RGB bytes on a canvas.
export function show(pixels, size, canvas) {
  canvas.width = canvas.height = size;
  const image = new ImageData(size, size);
  for (let i = 0; i < size * size; i++) {
    image.data.set(pixels.subarray(3 * i, 3 * i + 3), 4 * i);
    image.data[4 * i + 3] = 255;
  }
  canvas.getContext("2d").putImageData(image, 0, 0);
}
