// Plays audio, or a part of it.

export class Player {
  /** @param {(playing: boolean) => void} changed Told when it begins and ends. */
  constructor (changed) {
    this.changed = changed
    this.source = null
  }

  /**
   * Play, instead of what is played.
   * @param {Float32Array} samples
   * @param {number} rate In Hz.
   * @param {number} [start] In seconds.
   * @param {number} [end] In seconds.
   */
  async play (samples, rate, start = 0, end = samples.length / rate) {
    this.stop()
    this.context ??= new AudioContext()
    const buffer = this.context.createBuffer(1, samples.length, rate)
    buffer.copyToChannel(samples, 0)
    const source = new AudioBufferSourceNode(this.context, { buffer })
    source.connect(this.context.destination)
    source.onended = () => { if (this.source === source) this.stop() }
    this.source = source
    this.changed(true)
    await this.context.resume()
    source.start(0, Math.max(0, start), end - Math.max(0, start))
  }

  stop () {
    const source = this.source
    this.source = null
    if (source === null) return
    source.onended = null
    source.disconnect()
    this.changed(false)
  }
}
