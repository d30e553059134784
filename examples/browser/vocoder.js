// A mel as sound in a browser: an exported graph, run by onnxruntime-web.
import * as ort from "https://cdn.jsdelivr.net/npm/onnxruntime-web@1.30.0/dist/ort.wasm.min.mjs";

// More threads need a page that is isolated from other origins; one works everywhere.
ort.env.wasm.numThreads = 1;
ort.env.wasm.proxy = true; // in a worker, so that the page stays alive meanwhile

/** A session of a graph that `audiodiff export` made without --noise-input, from its bytes. */
export const load = (graph) => ort.InferenceSession.create(graph);

/** The mel of a .npy file: float32 values, little-endian, of shape (n_mels, frames). */
export function readMel(buffer) {
  const view = new DataView(buffer);
  if (buffer.byteLength < 12 || view.getUint32(0) !== 0x934e554d) { // "\x93NUM" of "\x93NUMPY"
    throw new Error("this is no .npy file; save the mel by numpy.save");
  }
  const long = view.getUint8(6) > 1; // the version of the format
  const begin = long ? 12 : 10;
  const end = begin + (long ? view.getUint32(8, true) : view.getUint16(8, true));
  const header = new TextDecoder().decode(buffer.slice(begin, end)).trim();
  const shape = header.match(/\(.*\)/)?.[0].match(/\d+/g) ?? [];
  if (!/'<f4'.*False/.test(header) || shape.length !== 2) {
    throw new Error(`the mel must be float32 of (n_mels, frames), in C order, but is ${header}`);
  }
  return new ort.Tensor("float32", new Float32Array(buffer.slice(end)), [1, ...shape.map(Number)]);
}

/** The sound of a mel, as float samples of full scale 1. */
export async function vocode(session, mel) {
  const { audio } = await session.run({ mel });
  return audio.data;
}

/** Samples as a mono wav file of 16 bits. */
export function wavFile(samples, rate) {
  const view = new DataView(new ArrayBuffer(44 + 2 * samples.length));
  const text = (at, word) => [...word].forEach((c, i) => view.setUint8(at + i, c.charCodeAt(0)));
  text(0, "RIFF");
  view.setUint32(4, view.byteLength - 8, true);
  text(8, "WAVEfmt ");
  view.setUint32(16, 16, true); // bytes of this part
  view.setUint16(20, 1, true); // PCM
  view.setUint16(22, 1, true); // channels
  view.setUint32(24, rate, true);
  view.setUint32(28, 2 * rate, true); // bytes a second
  view.setUint16(32, 2, true); // bytes a frame
  view.setUint16(34, 16, true); // bits a sample
  text(36, "data");
  view.setUint32(40, 2 * samples.length, true);
  samples.forEach((x, i) => {
    view.setInt16(44 + 2 * i, Math.round(32767 * Math.max(-1, Math.min(1, x))), true);
  });
  return new Blob([view], { type: "audio/wav" });
}
