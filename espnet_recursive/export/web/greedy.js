// Greedy CTC decoding: labels, words with their times, and text as ESPnet's tokenizers write it.
// The same as espnet_recursive/onnx_recognizer/greedy.py.

/** CTC's blank in ESPnet. */
const BLANK = 0
const SPACE = '<space>'
/** What begins a word in sentencepiece. */
const WORD_START = '\u2581'

/**
 * The best label of each frame, repetitions as one and blanks left out.
 * @param {ArrayLike<number>} best The best token of each frame.
 * @returns {{token: number, start: number, end: number}[]} `end` is the frame behind the last.
 */
export function labelsOf (best) {
  const labels = []
  for (let frame = 0; frame < best.length; frame++) {
    if (frame > 0 && best[frame] === best[frame - 1]) {
      if (best[frame] !== BLANK) labels.at(-1).end = frame + 1
    } else if (best[frame] !== BLANK) {
      labels.push({ token: best[frame], start: frame, end: frame + 1 })
    }
  }
  return labels
}

/**
 * The text of tokens.
 * @param {string[]} tokens As the token list writes them.
 * @param {string} tokenType ESPnet's: bpe, char, word, or another, whose tokens follow one another.
 */
export function textOf (tokens, tokenType) {
  if (tokenType === 'word') return tokens.join(' ')
  if (tokenType === 'bpe') return tokens.join('').replaceAll(WORD_START, ' ').replace(/^ /, '')
  return tokens.map(token => token === SPACE ? ' ' : token).join('')
}

/**
 * The words of an utterance, with their times in seconds.
 * @param {{token: number, start: number, end: number}[]} labels What was decoded.
 * @param {{tokens: string[], tokenType: string, frameSeconds: number}} about Of the model.
 * @param {number} offset Seconds before the utterance.
 * @returns {{text: string, start: number, end: number}[]}
 */
export function wordsOf (labels, about, offset = 0) {
  const groups = []
  let begun = false
  for (const label of labels) {
    const token = about.tokens[label.token]
    if (about.tokenType === 'char' && token === SPACE) {
      begun = false
      continue
    }
    if (!begun || about.tokenType === 'word' || token.startsWith(WORD_START)) groups.push([])
    groups.at(-1).push(label)
    begun = true
  }
  return groups.map(group => ({
    text: textOf(group.map(label => about.tokens[label.token]), about.tokenType),
    start: seconds(group[0].start),
    end: seconds(group.at(-1).end)
  })).filter(word => word.text !== '')

  function seconds (frame) {
    return Number((offset + frame * about.frameSeconds).toFixed(3))
  }
}
