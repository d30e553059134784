// What the page does with its buttons: a mel goes through the graph, and its sound to the player.
import { load, readMel, vocode, wavFile } from "./vocoder.js";

const GRAPH = "vocoder.onnx";
const EXAMPLE = "arctic_a0016.npy";
const SAMPLE_RATE = 22050; // of the model: `audiodiff info default`

const [example, file, status, player, save] = ["example", "file", "status", "player", "save"].map(
  (id) => document.getElementById(id),
);
let session; // loaded once, for the first mel

const fetched = async (name) => {
  const answer = await fetch(name);
  if (!answer.ok) throw new Error(`there is no ${name} beside this page; make it as the guide says`);
  return answer.arrayBuffer();
};

const run = async (read) => {
  example.disabled = file.disabled = true;
  try {
    const mel = readMel(await read());
    status.textContent = "Loading the model";
    session ??= await load(new Uint8Array(await fetched(GRAPH)));
    status.textContent = "Making sound";
    const start = performance.now();
    const samples = await vocode(session, mel);
    const seconds = (performance.now() - start) / 1000;
    const length = samples.length / SAMPLE_RATE;
    URL.revokeObjectURL(player.src);
    player.src = save.href = URL.createObjectURL(wavFile(samples, SAMPLE_RATE));
    player.hidden = save.hidden = false;
    status.textContent = `${length.toFixed(2)} s of sound made in ${seconds.toFixed(2)} s`;
    await player.play().catch(() => {}); // some browsers want one more click
  } catch (error) {
    status.textContent = `error: ${error.message}`;
  } finally {
    example.disabled = file.disabled = false;
  }
};

example.onclick = () => run(() => fetched(EXAMPLE));
file.onchange = () => file.files.length && run(() => file.files[0].arrayBuffer());
