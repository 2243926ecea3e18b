// Audio of the microphone at the rate of the model, while it comes. (Files are resampled by the
// browser, which has nothing of the kind for audio that has not ended.)

/** Zero crossings of the sinc on each side, and the share of the lower Nyquist rate that is kept. */
const CROSSINGS = 24
const KEPT = 0.94

/** A windowed sinc at any ratio of rates: what comes out does not depend on how audio is pushed. */
export class Resampler {
  /**
   * @param {number} from Rate of what is pushed, in Hz.
   * @param {number} to Rate of what comes out, in Hz.
   */
  constructor (from, to) {
    const divisor = greatestCommonDivisor(from, to)
    this.up = to / divisor
    this.down = from / divisor
    this.identity = from === to
    const cutoff = KEPT * Math.min(1, to / from)
    this.reach = Math.ceil(CROSSINGS / cutoff)
    this.filters = Array.from({ length: this.up }, (_, phase) => this.filter(phase, cutoff))
    this.kept = new Float32Array(this.reach) // silence before the beginning
    this.position = 0 // of the next sample that comes out, in steps of 1 / up of a pushed one
  }

  /** Weights of the samples around a place between two of them. */
  filter (phase, cutoff) {
    const weights = new Float64Array(2 * this.reach + 1)
    for (let i = 0; i < weights.length; i++) {
      const x = i - this.reach - phase / this.up
      const turn = Math.PI * cutoff * x
      const window = Math.abs(x) < this.reach ? Math.cos(Math.PI * x / (2 * this.reach)) ** 2 : 0
      weights[i] = window * cutoff * (x === 0 ? 1 : Math.sin(turn) / turn)
    }
    const sum = weights.reduce((a, b) => a + b)
    return weights.map(weight => weight / sum)
  }

  /**
   * Take audio in.
   * @param {Float32Array} samples
   * @returns {Float32Array} What can be said for sure: the last `reach` samples wait for the next.
   */
  push (samples) {
    if (this.identity) return samples
    const joined = new Float32Array(this.kept.length + samples.length)
    joined.set(this.kept)
    joined.set(samples, this.kept.length)
    const out = []
    for (;;) {
      const first = Math.floor(this.position / this.up)
      if (first + 2 * this.reach >= joined.length) {
        this.kept = joined.slice(first)
        this.position -= first * this.up
        return Float32Array.from(out)
      }
      const weights = this.filters[this.position % this.up]
      let sum = 0
      for (let i = 0; i < weights.length; i++) sum += weights[i] * joined[first + i]
      out.push(sum)
      this.position += this.down
    }
  }

  /** What is left at the end, with silence behind it. */
  end () {
    return this.identity ? new Float32Array(0) : this.push(new Float32Array(this.reach))
  }
}

function greatestCommonDivisor (a, b) {
  return b === 0 ? a : greatestCommonDivisor(b, a % b)
}
