// Sends what the microphone hears to the page, in blocks of about a twentieth of a second.

const BLOCK = 2048

registerProcessor('recorder', class extends AudioWorkletProcessor {
  constructor () {
    super()
    this.block = new Float32Array(BLOCK)
    this.filled = 0
    this.on = true
    this.port.onmessage = () => {
      this.send()
      this.port.postMessage(null) // all that was heard is sent
      this.on = false
    }
  }

  process ([channels]) {
    if (this.on && channels.length > 0) {
      for (let i = 0; i < channels[0].length; i++) {
        for (const channel of channels) this.block[this.filled] += channel[i] / channels.length
        if (++this.filled === BLOCK) this.send()
      }
    }
    return this.on
  }

  send () {
    this.port.postMessage(this.block.slice(0, this.filled))
    this.block.fill(0)
    this.filled = 0
  }
})
