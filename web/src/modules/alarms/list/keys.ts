/** What a key asks of the list: to walk, or to act on the row that has the focus. */
export type Deed = 'acknowledge' | 'shelve' | 'close' | 'open' | 'pick' | 'unfold' | 'fold' | 'trend' | 'map' | 'help'

const DEEDS: Record<string, Deed> = {
  a: 'acknowledge', s: 'shelve', c: 'close', Enter: 'open', ' ': 'pick', x: 'pick', ArrowRight: 'unfold',
  ArrowLeft: 'fold', t: 'trend', m: 'map', '?': 'help',
}

export const deedOf = (key: string): Deed | null => (Object.hasOwn(DEEDS, key) ? DEEDS[key]! : null)

/** The row a key walks to from `here` (-1: none yet); null where the key does not walk. */
export function walk(key: string, here: number, count: number, page: number): number | null {
  if (!count) return null
  const steps: Record<string, number> = {
    ArrowDown: 1, j: 1, ArrowUp: -1, k: -1, PageDown: page, PageUp: -page, Home: -count, End: count,
  }
  if (!Object.hasOwn(steps, key)) return null
  const step = steps[key]!
  if (here < 0) return step > 0 && key !== 'End' ? 0 : key === 'Home' ? 0 : count - 1
  return Math.min(count - 1, Math.max(0, here + step))
}

/** Whether a key press belongs to what has the focus: text being typed, a dialog, an open list, a button. */
export function taken(event: KeyboardEvent): boolean {
  if (event.ctrlKey || event.metaKey || event.altKey) return true
  if (document.querySelector('[role="dialog"][aria-modal="true"]')) return true
  const target = event.target as HTMLElement | null
  if ((event.key === 'Enter' || event.key === ' ') && target?.closest('a, button, summary, input')) return true
  return !!target?.closest('input:not([type="checkbox"]), textarea, select, [role="combobox"], [role="dialog"], [role="application"], [contenteditable="true"]')
}
