// Greedy CTC decoding: labels, words with their times, and text as ESPnet's tokenizers write it.
// The same as espnet_recursive/onnx_recognizer/greedy.py and espnet_recursive/transcription/words.py.

/** CTC's blank in ESPnet. */
const BLANK = 0
const SPACE = '<space>'
/** What begins a word in sentencepiece. */
const WORD_START = '\u2581'
/** A character of a script that is written without spaces: Han, Hiragana or Katakana. */
const ALONE = /^[\u2E80-\u2EF3\u3041-\u3096\u309D-\u309F\u30A1-\u30FB\u30FD-\u30FF\u31C0-\u31E3\u31F0-\u31FF\u3400-\u4DBF\u4E00-\u9FFF\uF900-\uFAD9\u{20000}-\u{3134A}]$/u

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
 * The words of an utterance, with their times in seconds. Of characters, those between spaces are a
 * word, and each of a script without spaces is one.
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
    const alone = about.tokenType === 'word' || (about.tokenType === 'char' && ALONE.test(token))
    if (!begun || alone || token.startsWith(WORD_START)) groups.push([])
    groups.at(-1).push(label)
    begun = !alone
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

/**
 * What is written between two words: a space, but nothing between characters of a script without.
 * @param {string} before
 * @param {string} after
 */
export function between (before, after) {
  return ALONE.test([...before].at(-1)) && ALONE.test(after) ? '' : ' '
}
