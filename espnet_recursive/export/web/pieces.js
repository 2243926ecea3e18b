// Long audio in pieces that are cut where it is quietest: attention needs memory for all pairs of
// frames, so the memory of a pass grows with the square of the length.
// The same as espnet_recursive/transcription/pieces.py.

/** The longest piece of audio that is recognised at once, in seconds. */
export const MAX_SECONDS = 30
/** Seconds of the steps in which loudness is measured, and of the pause that is looked for. */
const STEP = 0.01
const PAUSE = 0.2

/**
 * Cut audio into pieces.
 *
 * A cut is in the middle of the quietest pause of the second half of the longest piece that would
 * be allowed. What is left is shared between the last two. So a cut stays where it is when audio
 * comes behind it, once a piece and a quarter are there.
 * @param {Float32Array} samples
 * @param {number} rate Of sampling, in Hz.
 * @param {number} maxSeconds The longest piece, 1 s at least.
 * @returns {[number, number][]} The first sample of each piece, and the one behind its last.
 */
export function pieces (samples, rate, maxSeconds = MAX_SECONDS) {
  const longest = Math.floor(maxSeconds * rate)
  const cuts = []
  let start = 0
  for (let left; (left = samples.length - start) > longest;) {
    const earliest = Math.floor(longest / 2)
    const latest = Math.min(longest, left - Math.floor(longest / 4))
    const cut = start + earliest + quietest(samples.subarray(start + earliest, start + latest), rate)
    cuts.push([start, cut])
    start = cut
  }
  if (start < samples.length) cuts.push([start, samples.length])
  return cuts
}

/** The middle of the quietest pause. */
function quietest (samples, rate) {
  const step = Math.max(1, Math.floor(STEP * rate))
  const energy = new Float64Array(Math.floor(samples.length / step))
  for (let i = 0; i < energy.length * step; i++) {
    energy[Math.floor(i / step)] += samples[i] * samples[i]
  }
  const width = Math.min(energy.length, Math.round(PAUSE / STEP))
  let best = 0
  let least = Infinity
  for (let i = 0; i + width <= energy.length; i++) {
    let sum = 0
    for (let j = i; j < i + width; j++) sum += energy[j]
    if (sum < least) [best, least] = [i, sum]
  }
  return (best + Math.floor(width / 2)) * step
}
