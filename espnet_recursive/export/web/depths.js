// Which numbers of loops the page offers.

/** Rows of the comparison at most. */
const ROWS = 8

/**
 * The most loops that can be chosen: half as many again as the model was made for, and two at least,
 * for what happens beyond it.
 * @param {number} numLoops What the model was made for.
 */
export function mostLoops (numLoops) {
  return numLoops + Math.max(2, Math.ceil(numLoops / 2))
}

/**
 * Numbers of loops to compare: all of them where there are few, or else some from the first to the
 * last, and that of the model.
 * @param {number} numLoops What the model was made for.
 * @returns {number[]} In order.
 */
export function comparedLoops (numLoops) {
  const most = mostLoops(numLoops)
  const rows = Math.min(ROWS, most)
  const spread = Array.from({ length: rows }, (_, i) => Math.round(1 + i * (most - 1) / (rows - 1)))
  return [...new Set([...spread, numLoops])].sort((a, b) => a - b)
}
