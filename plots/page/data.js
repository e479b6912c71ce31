"use strict";
// The frames of a run, as plots/frames.py packed them.

const MISSING = 65535;

function bytesOf(base64) {
  const text = atob(base64);
  const bytes = new Uint8Array(text.length);
  for (let place = 0; place < text.length; ++place) bytes[place] = text.charCodeAt(place);
  return bytes;
}

async function inflated(bytes) {
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

/** [frames x particles] numbers of a column, whose low bytes begin at `start` and whose high ones follow these. */
function unpacked(bytes, start, frames, particles, head) {
  const values = new Float64Array(frames * particles);
  const codes = new Uint16Array(particles);
  const step = (head.high - head.low) / head.levels;
  for (let place = 0; place < values.length; ++place) {
    const particle = place % particles;
    const folded = bytes[start + place] | (bytes[start + values.length + place] << 8);
    codes[particle] += (folded >>> 1) ^ -(folded & 1);  // modulo 2^16
    values[place] = codes[particle] === MISSING ? NaN : head.low + codes[particle] * step;
  }
  return values;
}

/** The run of a payload with the values of its columns. */
async function readRun(packed) {
  const bytes = await inflated(bytesOf(packed.data));
  const frames = packed.times.length, particles = packed.ids.length;
  const columns = packed.columns.map((head, place) =>
    ({...head, values: unpacked(bytes, 2 * place * frames * particles, frames, particles, head)}));
  return {...packed, data: null, frames, particles, columns, column: new Map(columns.map(each => [each.name, each]))};
}
