// Which words of a text are not in another.

/**
 * Align two texts word by word, with the fewest words that stand in one only.
 * @param {string[]} words
 * @param {string[]} reference
 * @returns {boolean[]} For each of `words`, whether it is not in the reference at this place.
 */
export function differences (words, reference) {
  // common[i][j]: words that the rests from i and j on have in common, in this order.
  const common = Array.from({ length: words.length + 1 }, () => new Uint16Array(reference.length + 1))
  for (let i = words.length - 1; i >= 0; i--) {
    for (let j = reference.length - 1; j >= 0; j--) {
      common[i][j] = words[i] === reference[j]
        ? common[i + 1][j + 1] + 1
        : Math.max(common[i + 1][j], common[i][j + 1])
    }
  }
  const differ = words.map(() => true)
  for (let i = 0, j = 0; i < words.length && j < reference.length;) {
    if (words[i] === reference[j]) {
      differ[i] = false
      i++
      j++
    } else if (common[i + 1][j] >= common[i][j + 1]) i++
    else j++
  }
  return differ
}
