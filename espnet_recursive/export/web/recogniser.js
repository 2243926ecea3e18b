// The recogniser of this folder: its description, and audio to text.

import { labelsOf, textOf, wordsOf } from './greedy.js'
import { MAX_SECONDS, pieces } from './pieces.js'

/** What a user can do something about: its message is a sentence for the page. */
export class UserError extends Error {}

/** @typedef {{text: string, words: {text: string, start: number, end: number}[], seconds: number}} Recognition */

export class Recogniser {
  /** @param {(bytes: {received: number, total: number}) => void} progress Told while the model comes; a total of 0 is not known. */
  static async load (progress) {
    const about = await description()
    const thread = new Thread()
    const loaded = await thread.call({ call: 'load' }, [], progress)
    for (const [names, needed] of [[loaded.inputs, ['waveform', 'lengths']], [loaded.outputs, ['ctc_log_probs', 'ctc_lengths']]]) {
      const missing = needed.find(name => !names.includes(name))
      if (missing) {
        throw new UserError(`model.onnx has no ${missing}, so it is no recogniser of audio: make one with espnet-recursive export --to web.`)
      }
    }
    return new Recogniser(about, loaded, thread)
  }

  constructor (about, loaded, thread) {
    this.about = about
    this.loaded = loaded
    this.thread = thread
    /** Loops that the model was made for; null where the file takes no number of loops. */
    this.numLoops = loaded.inputs.includes('num_loops') ? about.numLoops : null
  }

  /**
   * Refuse audio that has nothing in it.
   * @param {Float32Array} samples
   * @param {string} name Of the audio, in a sentence.
   */
  check (samples, name) {
    const { rate, shortest } = this.about
    if (samples.length === 0) throw new UserError(`${name} is empty: it has no samples.`)
    if (samples.length < shortest) {
      throw new UserError(`${name} is too short: ${samples.length} samples, where ${shortest} (${(shortest / rate).toFixed(3)} s) are the least.`)
    }
    if (samples.some(sample => !Number.isFinite(sample))) {
      throw new UserError(`${name} has samples that are no finite numbers.`)
    }
    if (!samples.some(sample => sample !== 0)) {
      throw new UserError(`${name} is silent: all its samples are 0. Check the microphone.`)
    }
  }

  /**
   * Recognise audio.
   * @param {Float32Array} samples At the model's rate.
   * @param {object} options
   * @param {number|null} options.loops Null where the file takes no number.
   * @param {number} [options.maxSeconds] Longer audio is cut where it is quietest.
   * @param {Map<string, Recognition>} [options.known] Pieces of this recording that were recognised before; new ones are added.
   * @param {AbortSignal} [options.signal] Ends it, between two pieces.
   * @param {(found: Recognition, samples: number) => void} [options.progress] Told after each piece.
   * @returns {Promise<Recognition>}
   */
  async recognise (samples, { loops, maxSeconds = MAX_SECONDS, known = new Map(), signal, progress }) {
    const parts = []
    for (const [start, end] of pieces(samples, this.about.rate, maxSeconds)) {
      const key = `${loops} ${start} ${end}`
      if (!known.has(key)) {
        signal?.throwIfAborted()
        known.set(key, await this.piece(samples.slice(start, end), loops, start / this.about.rate))
      }
      parts.push(known.get(key))
      progress?.(joined(parts), end)
    }
    signal?.throwIfAborted()
    return joined(parts)
  }

  async piece (samples, loops, offset) {
    const { best, tokens, seconds } = await this.thread.call({ call: 'run', samples, loops }, [samples.buffer])
    if (tokens !== this.about.tokens.length) {
      throw new UserError(`model.onnx has ${tokens} tokens and metadata.json ${this.about.tokens.length}: they are of two models. Copy the whole folder again.`)
    }
    const labels = labelsOf(best)
    const text = textOf(labels.map(label => this.about.tokens[label.token]), this.about.tokenType)
    return { text, words: wordsOf(labels, this.about, offset), seconds }
  }
}

/** Pieces of one recording; each begins a word. */
function joined (parts) {
  if (parts.length === 1) return parts[0]
  return {
    text: parts.map(part => part.text.trim()).filter(Boolean).join(' '),
    words: parts.flatMap(part => part.words),
    seconds: parts.reduce((sum, part) => sum + part.seconds, 0)
  }
}

/** What metadata.json says of the model. */
async function description () {
  let said
  try {
    const response = await fetch(new URL('metadata.json', import.meta.url))
    if (!response.ok) throw new Error(`${response.status} ${response.statusText}`)
    said = await response.json()
  } catch (error) {
    throw new UserError(`metadata.json cannot be read: copy the whole folder that the export wrote. (${error.message})`)
  }
  const needed = ['sampling_rate', 'shortest_samples', 'frame_seconds', 'tokens', 'token_type']
  const missing = needed.find(name => !(name in said))
  if (missing) {
    throw new UserError(`metadata.json has no ${missing}, so it is no recogniser of audio: make one with espnet-recursive export --to web.`)
  }
  return {
    rate: Number(said.sampling_rate),
    shortest: Number(said.shortest_samples),
    frameSeconds: Number(said.frame_seconds),
    tokens: JSON.parse(said.tokens),
    tokenType: said.token_type,
    numLoops: Number(said.num_loops ?? 0),
    encoder: said.encoder ?? '',
    quantisation: said.quantisation ?? 'none'
  }
}

/** The thread with onnxruntime: calls and their answers. */
class Thread {
  constructor () {
    this.calls = new Map()
    this.count = 0
    this.worker = new Worker(new URL('worker.js', import.meta.url), { type: 'module' })
    this.worker.onmessage = ({ data }) => this.answered(data)
    this.worker.onerror = event => {
      event.preventDefault()
      const error = new UserError(`worker.js cannot run: copy the whole folder again, or use a newer browser. (${event.message ?? 'it was not loaded'})`)
      for (const { reject } of this.calls.values()) reject(error)
      this.calls.clear()
    }
  }

  call (message, transfer = [], progress) {
    return new Promise((resolve, reject) => {
      const id = this.count++
      this.calls.set(id, { resolve, reject, progress })
      this.worker.postMessage({ ...message, id }, transfer)
    })
  }

  answered ({ id, result, error, progress }) {
    const call = this.calls.get(id)
    if (call === undefined) return
    if (progress) {
      call.progress?.(progress)
      return
    }
    this.calls.delete(id)
    if (error === undefined) call.resolve(result)
    else call.reject(new UserError(error))
  }
}
