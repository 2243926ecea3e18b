// onnxruntime in a thread of its own, so that the page answers while it computes.
//
// In:  {id, call: 'load'} or {id, call: 'run', samples, loops}
// Out: {id, result}, {id, error: a sentence}, and while loading {id, progress: {received, total}}

const MODEL = new URL('model.onnx', import.meta.url)
const RUNTIME = new URL('ort/', import.meta.url)
/** More threads than this gain nothing on models of this size. */
const MOST_THREADS = 4

let ort
let session

onmessage = async ({ data: { id, call, ...options } }) => {
  try {
    const answer = call === 'load' ? await load(id) : await run(options)
    postMessage({ id, result: answer }, answer.best ? [answer.best.buffer] : [])
  } catch (error) {
    postMessage({ id, error: error.message })
  }
}

async function load (id) {
  if (typeof WebAssembly !== 'object') {
    throw new Error('This browser has no WebAssembly: use a newer one.')
  }
  try {
    ort = await import(new URL('ort.js', RUNTIME))
  } catch (error) {
    throw new Error(`ort/ort.js cannot be loaded: copy the whole folder again. (${error.message})`)
  }
  ort.env.wasm.wasmPaths = {
    mjs: new URL('ort-wasm.js', RUNTIME).href,
    wasm: new URL('ort-wasm.wasm', RUNTIME).href
  }
  ort.env.wasm.numThreads = self.crossOriginIsolated
    ? Math.min(MOST_THREADS, navigator.hardwareConcurrency || 1)
    : 1
  ort.env.logLevel = 'error'
  const begun = performance.now()
  const bytes = await fetched(id)
  const opened = performance.now()
  try {
    session = await ort.InferenceSession.create(bytes, { executionProviders: ['wasm'] })
  } catch (error) {
    throw new Error(String(error.message).includes('no available backend')
      ? `onnxruntime-web cannot start in this browser: use a newer one, or copy the folder ort again. (${error.message})`
      : `model.onnx cannot be opened: it is cut or no ONNX file. Copy or export it again. (${error.message})`)
  }
  return {
    bytes: bytes.length,
    runtimeBytes: performance.getEntriesByName(ort.env.wasm.wasmPaths.wasm)[0]?.decodedBodySize ?? 0,
    threads: ort.env.wasm.numThreads,
    fetchSeconds: (opened - begun) / 1000,
    inputs: session.inputNames,
    outputs: session.outputNames
  }
}

/** The model's bytes, with messages about how many are there. */
async function fetched (id) {
  let response
  try {
    response = await fetch(MODEL)
  } catch (error) {
    throw new Error(`model.onnx cannot be fetched: is the web server still there? (${error.message})`)
  }
  if (!response.ok) {
    throw new Error(`model.onnx cannot be fetched (${response.status} ${response.statusText}): copy the whole folder again.`)
  }
  // Of a compressed answer, the length says something else.
  const total = response.headers.get('Content-Encoding') ? 0 : Number(response.headers.get('Content-Length'))
  const parts = []
  let received = 0
  const reader = response.body.getReader()
  for (let part; !(part = await reader.read()).done;) {
    parts.push(part.value)
    received += part.value.length
    postMessage({ id, progress: { received, total } })
  }
  const bytes = new Uint8Array(received)
  let place = 0
  for (const part of parts) {
    bytes.set(part, place)
    place += part.length
  }
  return bytes
}

/** The best token of each frame, and the seconds that this took. */
async function run ({ samples, loops }) {
  const feeds = {
    waveform: new ort.Tensor('float32', samples, [1, samples.length]),
    lengths: new ort.Tensor('int64', BigInt64Array.of(BigInt(samples.length)), [1])
  }
  if (loops !== null) feeds.num_loops = new ort.Tensor('int64', BigInt64Array.of(BigInt(loops)), [])
  const begun = performance.now()
  let found
  try {
    found = await session.run(feeds)
  } catch (error) {
    throw new Error(`model.onnx failed on this audio: reload the page, or try a shorter recording. (${error.message ?? error})`)
  }
  const { ctc_log_probs: logProbs, ctc_lengths: lengths } = found
  const seconds = (performance.now() - begun) / 1000
  const tokens = logProbs.dims[2]
  const best = new Int32Array(Number(lengths.data[0]))
  for (let frame = 0; frame < best.length; frame++) {
    const row = logProbs.data.subarray(frame * tokens, (frame + 1) * tokens)
    for (let token = 1; token < tokens; token++) if (row[token] > row[best[frame]]) best[frame] = token
  }
  logProbs.dispose()
  lengths.dispose()
  return { best, tokens, seconds }
}
