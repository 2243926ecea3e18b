// Audio of files and of the microphone, one channel at the model's rate.

import { UserError } from './recogniser.js'
import { Resampler } from './resampler.js'

/**
 * The audio of a file, as the browser decodes it.
 * @param {File} file
 * @param {number} rate Of what is returned, in Hz.
 * @returns {Promise<Float32Array>} The mean of its channels.
 */
export async function samplesOf (file, rate) {
  let decoded
  try {
    // decodeAudioData resamples to the rate of its context.
    decoded = await new OfflineAudioContext(1, 1, rate).decodeAudioData(await file.arrayBuffer())
  } catch (error) {
    throw new UserError(`${file.name} is no audio that this browser can read. Try WAV, FLAC or MP3. (${error.message})`)
  }
  const channels = Array.from({ length: decoded.numberOfChannels }, (_, i) => decoded.getChannelData(i))
  if (channels.length === 1) return channels[0]
  return channels[0].map((_, i) => channels.reduce((sum, channel) => sum + channel[i], 0) / channels.length)
}

/** A recording of the microphone, which can be read while it grows. */
export class Recorder {
  /**
   * Start to record.
   * @param {number} rate Of what can be read, in Hz.
   * @param {() => void} lost Called if the microphone is taken away.
   */
  static async start (rate, lost) {
    const stream = await microphone()
    const context = new AudioContext()
    try {
      await context.audioWorklet.addModule(new URL('recorder_worklet.js', import.meta.url))
      await context.resume()
    } catch (error) {
      stream.getTracks().forEach(track => track.stop())
      context.close()
      throw new UserError(`recorder_worklet.js cannot be loaded: copy the whole folder again. (${error.message})`)
    }
    return new Recorder(stream, context, rate, lost)
  }

  constructor (stream, context, rate, lost) {
    this.stream = stream
    this.context = context
    this.resampler = new Resampler(context.sampleRate, rate)
    this.buffer = new Float32Array(60 * rate)
    this.length = 0
    /** The largest amplitude of the last block. */
    this.level = 0
    this.ended = new Promise(resolve => { this.end = resolve })
    stream.getAudioTracks()[0].onended = lost
    this.node = new AudioWorkletNode(context, 'recorder', { numberOfOutputs: 0 })
    this.node.port.onmessage = ({ data }) => data === null ? this.end() : this.heard(data)
    context.createMediaStreamSource(stream).connect(this.node)
  }

  heard (block) {
    this.level = block.reduce((most, sample) => Math.max(most, Math.abs(sample)), 0)
    this.append(this.resampler.push(block))
  }

  append (samples) {
    if (this.length + samples.length > this.buffer.length) {
      const larger = new Float32Array(2 * this.buffer.length)
      larger.set(this.buffer)
      this.buffer = larger
    }
    this.buffer.set(samples, this.length)
    this.length += samples.length
  }

  /** All that was heard up to now. */
  get samples () {
    return this.buffer.subarray(0, this.length)
  }

  /** Let the microphone go, and give the whole recording. */
  async stop () {
    this.node.port.postMessage('stop')
    // A context that was suspended, as by a telephone call, does not answer.
    await Promise.race([this.ended, new Promise(resolve => setTimeout(resolve, 500))])
    this.stream.getTracks().forEach(track => track.stop())
    this.context.close()
    this.append(this.resampler.end())
    return this.samples.slice()
  }
}

/** What browsers take out of a voice for telephony, models were trained with; the level they may set. */
const CONSTRAINTS = { echoCancellation: false, noiseSuppression: false }

async function microphone () {
  if (!navigator.mediaDevices?.getUserMedia) {
    throw new UserError('The browser gives no microphone to this page: open it through https, or at localhost.')
  }
  try {
    return await navigator.mediaDevices.getUserMedia({ audio: CONSTRAINTS })
  } catch (error) {
    throw new UserError(REFUSALS[error.name] ?? `The microphone cannot be used. (${error.name}: ${error.message})`)
  }
}

const REFUSALS = {
  NotAllowedError: 'The microphone is not allowed: allow it for this page in the browser, and record again.',
  NotFoundError: 'No microphone was found: connect one, and record again.',
  NotReadableError: 'The microphone cannot be read: another program may have it.'
}
