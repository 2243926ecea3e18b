// The page: what its buttons do, and in what order.

import { samplesOf, Recorder } from './audio.js'
import { comparedLoops, mostLoops } from './depths.js'
import { MAX_SECONDS } from './pieces.js'
import { Player } from './player.js'
import { Recogniser, UserError } from './recogniser.js'
import { $, showDepths, showError, showFigures, showNoText, showStatus, showText } from './view.js'

/** The longest piece while one records: shorter than MAX_SECONDS, as its end is done again and again. */
const LIVE_SECONDS = 10
/** New speech before the text is made again, in seconds. */
const LIVE_STEP = 1
/** Seconds about a word when it is played: CTC's labels are shorter than the sounds. */
const AROUND = 0.2

let recogniser
let recorder = null
let loadFigures = {}
/** What was recorded or opened: its samples, its name, and the pieces of it that are recognised. */
let audio = null
let running = new AbortController()
/** The last call of update. */
let turn = Promise.resolve()

const player = new Player(playing => { $('play').textContent = playing ? 'Stop playing' : 'Play' })

$('unserved').remove()
start()

async function start () {
  const begun = performance.now()
  showStatus('Loading the model', null)
  try {
    recogniser = await Recogniser.load(({ received, total }) => {
      const of = total ? ` of ${megabytes(total)}` : ''
      showStatus(`Loading the model: ${megabytes(received)}${of}`, total ? received / total : null)
    })
  } catch (error) {
    failed(error)
    showStatus('The model is not loaded.')
    return
  }
  const seconds = (performance.now() - begun) / 1000
  const { about, loaded, numLoops } = recogniser
  const precision = about.quantisation === 'none' ? 'float32' : about.quantisation
  loadFigures = {
    Model: `${megabytes(loaded.bytes)}, ${precision}`,
    onnxruntime: `${loaded.runtimeBytes ? `${megabytes(loaded.runtimeBytes)}, ` : ''}${loaded.threads === 1 ? '1 thread' : `${loaded.threads} threads`}`,
    'Time to load': `${seconds.toFixed(2)} s, of which ${loaded.fetchSeconds.toFixed(2)} s to fetch the model`
  }
  showFigures(loadFigures)
  if (numLoops !== null) {
    $('loops').max = mostLoops(numLoops)
    $('loops').value = numLoops
    $('loops').disabled = false
    $('depth').hidden = false
    showChosen()
  }
  $('about').textContent = `Encoder ${about.encoder}. It runs in this browser; what is said stays here.`
  $('record').disabled = $('file').disabled = false
  showStatus('Ready')
}

function megabytes (bytes) {
  return `${(bytes / 1e6).toFixed(1)} MB`
}

/** The number of loops that is chosen; null where the model takes none. */
function chosen () {
  return recogniser.numLoops === null ? null : Number($('loops').value)
}

function showChosen () {
  const own = chosen() === recogniser.numLoops ? ', as the model was made for' : ''
  $('chosen').textContent = `${chosen()}${own}`
  $('loops').setAttribute('aria-valuetext', `${chosen()}${own}`)
}

/** Say what is wrong; what was only stopped is not. */
function failed (error) {
  if (error.name === 'AbortError') return
  if (!(error instanceof UserError)) console.error(error)
  showError(error instanceof UserError ? error.message : `The page failed: ${error.message}`)
  showStatus('Ready')
}

/**
 * Take new audio.
 * @param {Float32Array} samples
 * @param {string} subject Its name at the beginning of a sentence.
 * @param {string} [object] Its name within one.
 */
async function take (samples, subject, object = subject) {
  recogniser.check(samples, subject)
  const seconds = samples.length / recogniser.about.rate
  // Long audio is compared when it is asked for: each depth takes its time.
  audio = { samples, name: object, seconds, known: new Map(), compared: seconds <= MAX_SECONDS }
  $('play').disabled = false
  await update()
}

/** Nothing of before is shown any more. */
function clear () {
  running.abort()
  player.stop()
  audio = null
  $('play').disabled = true
  showError()
  showNoText()
  showFigures(loadFigures)
}

/** Recognise the audio anew, once what is being computed has ended; of several calls, only the last. */
async function update () {
  running.abort()
  const { signal } = running = new AbortController()
  showStatus('Recognising', 0)
  const before = turn
  turn = (async () => {
    await before.catch(() => {})
    signal.throwIfAborted()
    await recognise(signal)
  })()
  await turn
}

/** Recognise the audio at the chosen depth, then at those that it is compared with. */
async function recognise (signal) {
  const { samples, known, seconds } = audio
  const found = new Map()
  const options = { known, signal }
  const loops = chosen()
  const recognition = await recogniser.recognise(samples, {
    ...options,
    loops,
    progress (part, end) {
      if (end === samples.length || signal.aborted) return
      showText(part, true)
      showStatus('Recognising', end / samples.length)
    }
  })
  showText(recognition, false, ({ start, end }) => player.play(samples, recogniser.about.rate, start - AROUND, end + AROUND))
  showFigures({
    ...loadFigures,
    Speech: `${seconds.toFixed(2)} s`,
    'Time to recognise it': `${recognition.seconds.toFixed(2)} s`,
    'Real-time factor': (recognition.seconds / seconds).toFixed(3)
  })
  showStatus(`Recognised ${audio.name}`)
  if (loops === null) return
  $('comparison').hidden = false
  $('compare').hidden = audio.compared
  if (!audio.compared) return
  found.set(loops, recognition)
  const depths = [...new Set([...comparedLoops(recogniser.numLoops), loops])].sort((a, b) => a - b)
  showDepths(depths, found, loops)
  for (const depth of depths) {
    found.set(depth, await recogniser.recognise(samples, { ...options, loops: depth }))
    showDepths(depths, found, loops)
  }
}

async function record () {
  clear()
  $('record').disabled = $('file').disabled = true
  try {
    recorder = await Recorder.start(recogniser.about.rate, () => stopRecording())
  } finally {
    $('record').disabled = $('file').disabled = false
  }
  $('file').disabled = true
  $('record').textContent = 'Stop'
  $('record').classList.add('recording')
  $('meter').hidden = false
  showStatus('Recording')
  showText({ text: '', words: [] }, true)
  live(recorder).catch(failed)
}

/** The level, and the text as it comes, until the recording ends. */
async function live (recording) {
  const { rate } = recogniser.about
  const known = new Map()
  let heard = 0
  let computing = false
  while (recorder === recording) {
    const samples = recording.samples
    $('level').value = 20 * Math.log10(Math.max(recording.level, 0.001)) // decibels
    $('clock').textContent = `${(samples.length / rate).toFixed(1)} s`
    if (!computing && samples.length - heard >= LIVE_STEP * rate) {
      heard = samples.length
      computing = true
      recogniser.recognise(samples, { loops: chosen(), maxSeconds: LIVE_SECONDS, known })
        .then(found => { if (recorder === recording) showText(found, true) })
        .catch(failed)
        .finally(() => { computing = false })
    }
    await new Promise(resolve => setTimeout(resolve, 100))
  }
}

async function stopRecording () {
  const stopped = recorder
  if (stopped === null) return
  recorder = null
  $('record').textContent = 'Record'
  $('record').classList.remove('recording')
  $('record').disabled = true
  $('meter').hidden = true
  try {
    const samples = await stopped.stop()
    $('record').disabled = $('file').disabled = false
    await take(samples, 'The recording', 'the recording')
  } catch (error) {
    showNoText()
    failed(error)
  }
}

$('record').onclick = () => (recorder === null ? record() : stopRecording()).catch(failed)

$('file').onchange = async () => {
  const [file] = $('file').files
  if (file === undefined) return
  clear()
  showStatus(`Reading ${file.name}`, null)
  $('record').disabled = $('file').disabled = true
  try {
    const samples = await samplesOf(file, recogniser.about.rate).finally(() => {
      $('record').disabled = $('file').disabled = false
      $('file').value = '' // so that the same file can be opened again
    })
    await take(samples, file.name)
  } catch (error) {
    failed(error)
  }
}

$('play').onclick = () => {
  if (player.source) player.stop()
  else player.play(audio.samples, recogniser.about.rate)
}

$('loops').oninput = () => {
  showChosen()
  if (audio) update().catch(failed)
}

$('compare').onclick = () => {
  audio.compared = true
  update().catch(failed)
}
