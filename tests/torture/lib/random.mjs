// random.mjs - the one source of chance of a torture run. Its seed is printed, and TORTURE_SEED sets
// it, so that the choices of a run that failed can be made again.

export const seed = Number(process.env.TORTURE_SEED ?? Date.now() % 1_000_000);
console.log(`TORTURE_SEED=${seed}`);

let state = seed >>> 0;

// At least 0, less than 1.
export function random() {
  state = (state + 0x6d2b79f5) >>> 0;
  let t = Math.imul(state ^ (state >>> 15), state | 1);
  t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
  return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
}

// A whole number, from low to high.
export const between = (low, high) => low + Math.floor(random() * (high - low + 1));
