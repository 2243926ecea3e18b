// What the page shows of a recognition.

import { differences } from './differences.js'
import { between } from './greedy.js'

export const $ = id => document.getElementById(id)

/** An element with text or children in it. */
export function element (name, ...children) {
  const made = document.createElement(name)
  made.append(...children)
  return made
}

/** A sentence where the page says what is wrong; nothing takes it away. */
export function showError (sentence) {
  $('error').textContent = sentence ?? ''
  $('error').hidden = !sentence
}

/**
 * Say what is going on.
 * @param {string} sentence
 * @param {number|null} [share] Of what is done; null where that is not known; nothing where nothing is done.
 */
export function showStatus (sentence, share) {
  if ($('status').textContent !== sentence) $('status').textContent = sentence
  $('progress').hidden = share === undefined
  if (typeof share === 'number') $('progress').value = share
  else $('progress').removeAttribute('value')
}

/**
 * Show the text and its words.
 * @param {{text: string, words: {text: string, start: number, end: number}[]}} found
 * @param {boolean} busy Whether more will come: a screen reader waits for the end.
 * @param {((word: {start: number, end: number}) => void)} play
 */
export function showText (found, busy, play) {
  $('text').setAttribute('aria-busy', busy)
  const text = found.text.trim()
  $('text').textContent = text || (busy ? 'Listening' : 'No words were recognised.')
  $('text').classList.toggle('empty', text === '')
  $('times').hidden = busy || found.words.length === 0
  $('count').textContent = `${found.words.length} ${found.words.length === 1 ? 'word' : 'words'}`
  $('words').replaceChildren(...(busy ? [] : found.words).map(word => {
    const times = `${word.start.toFixed(2)}\u2013${word.end.toFixed(2)}`
    const button = element('button', `${word.text} `, element('small', times))
    button.type = 'button'
    button.onclick = () => play(word)
    return element('li', button)
  }))
}

/** No text: nothing was recorded or opened yet, or it could not be. */
export function showNoText () {
  $('text').setAttribute('aria-busy', false)
  $('text').textContent = 'Record or open a file.'
  $('text').classList.add('empty')
  $('times').hidden = true
  $('comparison').hidden = $('depths').hidden = true
}

/**
 * Show the texts of several depths.
 * @param {number[]} depths
 * @param {Map<number, {words: {text: string}[], seconds: number}>} found Those that are there already.
 * @param {number} chosen The depth that the others are compared with.
 */
export function showDepths (depths, found, chosen) {
  const reference = found.get(chosen).words.map(word => word.text)
  $('depths').hidden = false
  $('depths').querySelector('tbody').replaceChildren(...depths.map(loops => {
    const heading = element('th', `${loops}`)
    heading.scope = 'row'
    const there = found.get(loops)
    const cells = there
      ? [element('td', ...marked(there.words.map(word => word.text), reference)), element('td', `${there.seconds.toFixed(2)} s`)]
      : [element('td', '\u2026'), element('td')]
    const row = element('tr', heading, ...cells)
    row.setAttribute('aria-current', loops === chosen)
    return row
  }))
}

/** Words of a text, those that differ marked. */
function marked (words, reference) {
  const differ = differences(words, reference)
  return words.flatMap((word, i) => [
    i > 0 ? between(words[i - 1], word) : '', differ[i] ? element('mark', word) : word
  ])
}

/** Show names and values. */
export function showFigures (figures) {
  $('figures').replaceChildren(...Object.entries(figures).flatMap(([name, value]) => [
    element('dt', name), element('dd', value)
  ]))
}
